// Readings of single frames -> what is announced: a number that has held for half a second; the vote on whole texts of
// live/voting.py, without its tracks of single digits.

const HOLD = 0.5;
const ANNOUNCE = 0.6;
const WITHDRAW = 0.3;

export class Voter {
  text = "";
  confidence = 0;
  #spans = [];
  #first = new Map();
  #now = null;

  /** Count the record of a frame, captured at a time in seconds; the events that come of it. */
  update({ text, confidence }, now) {
    this.#spans.push({ begin: this.#now ?? now, end: now, text, confidence });
    this.#now = now;
    if (text && !this.#first.has(text)) this.#first.set(text, now);
    this.#spans = this.#spans.filter(({ end }) => end > now - HOLD || end === now);
    const alive = new Set([...this.#spans.map((span) => span.text), this.text]);
    for (const seen of this.#first.keys()) if (!alive.has(seen)) this.#first.delete(seen);
    return this.#decide(now);
  }

  #decide(now) {
    const shares = this.#shares(now);
    const events = [];
    const [best] = [...shares].reduce((one, other) => (other[1] > one[1] ? other : one), ["", -1]);
    if (this.text && best !== this.text && (shares.get(this.text) ?? 0) < WITHDRAW) {
      events.push({ event: "withdrawn", text: this.text, confidence: this.confidence });
      this.#first.delete(this.text);
      [this.text, this.confidence] = ["", 0];
    }
    const held = now - (this.#first.get(best) ?? now);
    if (!this.text && best && shares.get(best) >= ANNOUNCE && held >= HOLD - 1e-6) {
      const own = this.#spans.filter(({ text }) => text === best);
      this.text = best;
      this.confidence = own.reduce((sum, span) => sum + span.confidence, 0) / own.length;
      events.push({ event: "announced", text: best, confidence: this.confidence });
    }
    return events;
  }

  /** The share of the holding time until now in which each text was read. */
  #shares(now) {
    const seconds = new Map();
    for (const { begin, end, text } of this.#spans) {
      seconds.set(text, (seconds.get(text) ?? 0) + Math.max(end - Math.max(begin, now - HOLD), 0));
    }
    const total = [...seconds.values()].reduce((sum, own) => sum + own, 0);
    return total > 0 ? new Map([...seconds].map(([text, own]) => [text, own / total])) : new Map();
  }
}
