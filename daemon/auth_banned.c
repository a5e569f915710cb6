/* SPDX-License-Identifier: ISC */
/* Which logins are refused, for jmapctl ban list, and that they are not any
 * more: see auth_banned.h.  What counts them is auth_limit.c. */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "common/ip.h"
#include "common/log.h"
#include "common/row.h"
#include "daemon/auth_banned.h"
#include "daemon/auth_limit.h"
#include "daemon/auth_name.h"

/* Who gets rows. */
struct banned_to {
	struct proc_peer	*p;
	uint32_t		 id;
};

static void	banned_row(void *, const struct auth_limit_banned *);

void
auth_banned(struct proc_peer *p, uint32_t id)
{
	struct banned_to	 to = { p, id };

	auth_limit_bans(date_mono(), banned_row, &to);
}

/* The columns are ban_rows's. */
static void
banned_row(void *arg, const struct auth_limit_banned *n)
{
	const struct banned_to	*to = arg;
	int64_t			 wall = date_now() - date_mono();
	struct ip		 ip = { 0 };
	char			 text[IP_STRLEN], date[DATE_LEN];
	struct buf		 b;

	buf_init(&b, ROW_MAX);
	if (n->addr == NULL)
		row_add(&b, "address", "any");
	else {
		ip.af = n->addr->family;
		memcpy(ip.b, n->addr->addr, ip.af == IP_V4 ? 3 : 6);
		row_addf(&b, "address", "%s/%d", ip_str(&ip, text),
		    ip.af == IP_V4 ? 24 : 48);
	}
	date_utc(wall + n->since, date);
	row_add(&b, "since", date);
	date_utc(wall + n->until, date);
	row_add(&b, "until", date);
	row_add(&b, "kind", "login");
	row_addf(&b, "reason", "wrong passwords for %s", n->login);
	if (!buf_bad(&b))
		proc_send(to->p, MSG_CTL_ROW, to->id, -1, NULL, b.data,
		    b.len);
	buf_free(&b);
}

void
auth_banned_end(struct proc_peer *p, struct msg *m)
{
	static const char	 no[] = "it is neither an address nor a login "
				    "that is refused";
	struct msg_ctl_end	 end = { 0 };
	char			 login[256] = "";

	if (m->tail_len < sizeof(login))
		memcpy(login, m->tail, m->tail_len);
	if (auth_name_fold(login) == -1 ||
	    !auth_limit_end(login, date_mono()))
		end.code = 1;
	else
		log_info("%s is let in again by jmapctl", log_vis(login,
		    strlen(login)));
	proc_send(p, MSG_CTL_END, m->id, -1, &end, no,
	    end.code == 0 ? 0 : strlen(no));
}
