// Questions to the server, and how long each took from the hand to the picture.

export class Refused extends Error {}

export async function ask(name, question) {
  let response;
  try {
    response = await fetch(`api/${name}`, question === undefined ? {} : {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(question),
    });
  } catch {
    throw new Refused("The program that serves this page has ended. Start it again, and open the address that it prints.");
  }
  const answer = await response.json().catch(() => ({ error: "The answer could not be read." }));
  if (!response.ok) throw new Refused(answer.error || "The page could not be answered.");
  return answer;
}

// Runs `work` one at a time; of the calls that come meanwhile only the last is kept.
export function latest(work) {
  let busy = false, waiting = null;
  return async function run(...given) {
    if (busy) { waiting = given; return; }
    busy = true;
    try { await work(...given); } finally {
      busy = false;
      if (waiting) { const next = waiting; waiting = null; run(...next); }
    }
  };
}

export function measured(name, start) {
  performance.measure(`ranvier:${name}`, { start, end: performance.now() });
}
