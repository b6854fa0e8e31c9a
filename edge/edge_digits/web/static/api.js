// Requests to the server that this page came from.

/** Whether there is no server: the file that takes the place of this one then says so. */
export const alone = false;

/** An answer that says what was wrong. */
export class Refused extends Error {
  constructor(status, words, seconds) {
    super(words);
    this.status = status;
    this.seconds = seconds;
  }
}

async function answered(response) {
  if (response.ok) return response;
  let words = `the server answered with ${response.status}`;
  try {
    words = (await response.json()).error || words;
  } catch {
    // Not from our server, such as a proxy before it.
  }
  if (response.status === 401) document.dispatchEvent(new CustomEvent("needs-token"));
  throw new Refused(response.status, words, Number(response.headers.get("Retry-After")) || 1);
}

async function asked(address, request) {
  let response;
  try {
    response = await fetch(address, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "The server does not answer. Is it still running?", 2);
  }
  return answered(response);
}

/** What a GET of this path gives, as JSON. */
export async function get(path) {
  return (await asked(path, {})).json();
}

/** The response to a picture that is sent to this path with these options. */
export async function send(path, options, picture, signal) {
  const query = new URLSearchParams(Object.entries(options).filter(([, value]) => value !== ""));
  const headers = { "Content-Type": picture.type.startsWith("image/") ? picture.type : "application/octet-stream" };
  return asked(`${path}?${query}`, { method: "POST", body: picture, headers, signal });
}
