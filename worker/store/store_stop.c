/* SPDX-License-Identifier: ISC */
/*
 * Which languages a mail is written in, cheaply: each script that its words
 * use gets one language, so a Russian mail that quotes English has both.
 *
 * Of the Latin script, Devanagari and Hebrew the little words below vote,
 * each word of a mail once for each language it belongs to; two are needed.
 * Content-Language only decides between equals and where there is no vote:
 * several mail programs set it to the language of their menus, whatever is
 * written.  Then English, because its stemmer, which takes off -s, -ed and
 * -ing, does the least harm to words of others, and because most short mail
 * without any function word is automatic and English.  Letters that only
 * Ukrainian, Persian, ... have turn stemming off for their script.  A wrong
 * guess costs little: the exact word is found in any language.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "worker/store/store_int.h"

#define VOTES	2		/* to be taken for a language */
#define SLOTS	2048		/* of the hash of words */

static const struct {
	unsigned	 lang;
	const char	*words;
} stops[] = {
	{ LANG_ENGLISH, "the and of to in is that it for you was with are "
	    "this have be on not from we they your will would has there been "
	    "which their what can our but if please" },
	{ 2, "der die und das den von zu mit sich des auf ist im dem nicht "
	    "ein eine als auch es an werden aus er hat dass sie nach wird bei "
	    "einer um am sind noch wie einem ich wir ihr haben für über "
	    "bitte oder aber" },
	{ 3, "le la les de des et un une du que est pour dans qui il ne pas "
	    "sur au avec ce par plus sont vous nous je cette mais ou être "
	    "votre aux été bonjour" },
	{ 4, "el la los las de que y en un una por con para no se es al lo "
	    "como más su sus pero del le ya muy sin sobre este esta hay "
	    "gracias está" },
	{ 5, "o os a as de que e do da em um uma para com não por mais dos "
	    "das como mas ao ele se na no foi você são está muito "
	    "também obrigado pela" },
	{ 6, "il la di che e un una per non è del della dei con sono le da "
	    "si al come anche nel alla più ho ma questo gli dal grazie "
	    "degli nella ciao" },
	{ 7, "de het een en van is dat op te in voor zijn met niet aan er om "
	    "ook als maar bij nog je uit wordt naar hebben dit deze kan ik "
	    "heeft wij graag" },
	{ 8, "og i at det en den til er som på de med han af for ikke der "
	    "var mig sig men et har om vi jeg ud også blev hvad hvis kan "
	    "skal meget fra dig hej" },
	{ 9, "og i det er på som en til av for med at jeg ikke den har de "
	    "om et men var så seg hun hva kan fra ble nå eller etter skal "
	    "vil noe hei også meg" },
	{ 10, "och i att det som en på är av för med den till inte om ett "
	    "han men var jag sig från vi så kan när har hon ut du eller "
	    "efter också hej mycket tack" },
	{ 11, "ja on ei että se hän joka oli ole mutta myös kun niin mitä "
	    "jos tai olen minä sinä kuin ovat nyt vain sitä mukaan hei "
	    "kiitos voi tämä siitä" },
	{ 12, "a az és hogy nem is egy ez meg csak de van azt mint ha már "
	    "vagy el még volt lesz kell minden ezt sem nagyon köszönöm "
	    "vagyok" },
	{ 13, "și în la de cu nu este din pe că un pentru care mai sunt o "
	    "se le sau dar fi fost această prin după când ce și "
	    "mulțumesc" },
	{ 14, "ve bir bu için ile da de çok daha ne gibi en olarak var "
	    "ama ben sen o kadar olan değil sonra mi her şey yok teşekkürler "
	    "merhaba" },
	{ 15, "el la els les de que i en un una per amb no es al com més "
	    "seu però del aquest aquesta són molt també dels ha gràcies "
	    "està" },
	{ 16, "eta da ez bat du dira izan ere baina dute zen den egin hau "
	    "edo duen beste dela bere hori gero eskerrik" },
	{ 17, "agus an na ar go ní is tá sé sí le do bhí mar sin ach ag "
	    "nach mé tú leis bhfuil seo raibh" },
	{ 18, "yang dan di untuk dengan ini itu dari tidak akan pada juga "
	    "adalah ke saya kami anda atau ada bisa dalam sudah karena "
	    "terima kasih" },
	{ 19, "ir yra kad tai su iš į ne bet kaip per apie buvo už tik jau "
	    "ar dėl arba labai aš jis prie ačiū" },
	{ LANG_SERBIAN, "je i u da se na su za od što koji nije ne ali kao "
	    "sam bi ili će iz samo već hvala bilo kako smo" },
	{ LANG_HINDI, "है के में की का और को "
	    "से पर यह हैं नहीं एक भी "
	    "लिए था कर" },
	{ LANG_NEPALI, "छ र को मा हो लागि "
	    "पनि छन् गर्न यो भने "
	    "गरेको थियो तपाईं" },
	{ LANG_YIDDISH, "און די דער איז דאס "
	    "אין נישט איך מיט" },
};

struct stop {
	const char	*p;
	uint8_t		 n;
	uint32_t	 langs;
};

static struct stop	slots[SLOTS];
static int		ready;

static struct stop *store_stop_slot(const uint8_t *, size_t);
static void	 store_stop_init(void);
static void	 store_stop_letters(const struct store_term *,
		    const uint8_t *, uint8_t *);
static unsigned	 store_stop_winner(enum store_script, const unsigned *,
		    unsigned);

static struct stop *
store_stop_slot(const uint8_t *p, size_t n)
{
	size_t	 i = (size_t)store_key_hash(p, n) & (SLOTS - 1);

	for (; slots[i].p != NULL; i = (i + 1) & (SLOTS - 1))
		if (slots[i].n == n && memcmp(slots[i].p, p, n) == 0)
			break;
	return &slots[i];
}

static void
store_stop_init(void)
{
	struct stop	*s;
	const char	*p;
	size_t		 i, n;

	for (i = 0; i < nitems(stops); i++)
		for (p = stops[i].words; *p != '\0'; p += n + (p[n] == ' ')) {
			n = strcspn(p, " ");
			s = store_stop_slot((const uint8_t *)p, n);
			s->p = p;
			s->n = (uint8_t)n;
			s->langs |= (uint32_t)1 << stops[i].lang;
		}
	ready = 1;
}

/* Letters of languages that share a script with one we can stem. */
static void
store_stop_letters(const struct store_term *t, const uint8_t *p,
    uint8_t *foreign)
{
	static const struct {
		const char	*letters;
		unsigned	 lang;		/* LANG_NONE: no stemmer */
	} marks[] = {
		{ "ђјљњћџ", LANG_SERBIAN },
		/* Ukrainian, Belarusian; Persian, Urdu */
		{ "іїєґў", LANG_NONE },
		{ "پچژگکیٹڈ", LANG_NONE },
		{ "װױײ", LANG_YIDDISH },
	};
	const char	*l;
	size_t		 i;

	for (i = 0; i < nitems(marks); i++)
		for (l = marks[i].letters; *l != '\0'; l += 2)
			if (memmem(p, t->len, l, 2) != NULL)
				foreign[t->script] = (uint8_t)(marks[i].lang +
				    1);
}

static unsigned
store_stop_winner(enum store_script script, const unsigned *votes,
    unsigned told)
{
	unsigned	 lang, best = LANG_NONE, first = LANG_NONE;

	for (lang = 1; lang < STORE_LANGS; lang++) {
		if (!store_lang_writes(lang, script))
			continue;
		if (first == LANG_NONE && store_lang_writes(lang, script) == 2)
			first = lang;
		if (votes[lang] >= VOTES && (best == LANG_NONE ||
		    votes[lang] > votes[best] || (lang == told &&
		    votes[lang] == votes[best])))
			best = lang;
	}
	if (best != LANG_NONE)
		return best;
	if (store_lang_writes(told, script))
		return told;
	/* Hebrew itself has no stemmer */
	return script == SCRIPT_HEBREW ? LANG_NONE : first;
}

void
store_stop_vote(const struct store_terms *t, unsigned told,
    uint8_t langs[SCRIPT_MAX])
{
	const struct store_term	*v;
	const uint8_t		*p;
	unsigned		 votes[STORE_LANGS] = { 0 };
	uint8_t			 foreign[SCRIPT_MAX] = { 0 };
	uint32_t		 mask;
	size_t			 i;
	unsigned		 lang, s;

	if (!ready)
		store_stop_init();
	for (i = 0; i < t->n; i++) {
		v = &t->v[i];
		if ((v->in & STORE_STEMMED) == 0 || v->script == SCRIPT_NONE)
			continue;
		p = t->bytes.data + (v->wlen > 0 ? v->wat : v->at);
		mask = store_stop_slot(p, v->wlen > 0 ? v->wlen :
		    v->len)->langs;
		for (lang = 0; mask != 0; lang++, mask >>= 1)
			votes[lang] += mask & 1;
		if (v->script != SCRIPT_LATIN)
			store_stop_letters(v, t->bytes.data + v->at, foreign);
	}
	for (s = 0; s < SCRIPT_MAX; s++)
		langs[s] = (uint8_t)(s == SCRIPT_NONE ? LANG_NONE :
		    foreign[s] != 0 ? foreign[s] - 1U :
		    store_stop_winner((enum store_script)s, votes, told));
}
