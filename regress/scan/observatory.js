// SPDX-License-Identifier: ISC
//
// Mozilla's HTTP Observatory over several paths of one host: its own tests
// and its own scores, without its server and without the net.
// Called by scan.py: node observatory.mjs HOST PATH:AUTH ...  Prints one line
// of JSON a path.

import { retrieve }
  from "@mdn/mdn-http-observatory/src/retriever/retriever.js";
import { ALL_TESTS } from "@mdn/mdn-http-observatory/src/constants.js";
import { MINIMUM_SCORE_FOR_EXTRA_CREDIT }
  from "@mdn/mdn-http-observatory/src/grader/charts.js";
import { getGradeForScore, getScoreModifier }
  from "@mdn/mdn-http-observatory/src/grader/grader.js";

const [host, ...targets] = process.argv.slice(2);
for (const target of targets) {
  const [path, auth] = target.split("|");
  const headers = ["Accept: text/html,*/*;q=0.8"];
  if (auth)
    headers.push(`Authorization: Basic ${auth}`);
  const got = await retrieve(host, { path, headers });
  let score = 100, plain = 100;
  const lost = [];
  for (const test of ALL_TESTS) {
    const r = test(got);
    const points = r.result ? getScoreModifier(r.result) : 0;
    score += points;
    if (points < 0)
      plain += points;
    if (points < 0 || !r.pass)
      lost.push(`${r.result} ${points}`);
  }
  // as its scan() does: extra credit for who is good without it
  const final = getGradeForScore(
    plain >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? score : plain);
  console.log(JSON.stringify({ path, status: got.responses.auto?.status ?? 0,
    score: final.score, grade: final.grade, lost }));
}
