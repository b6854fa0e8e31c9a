// What the networks know, in the order of their classes; as results.py.

export const SIGNS = ".,-+x/()=:%#";
export const DIGIT_COUNT = 10;

/** The greatest of some numbers, and its place; the first of equal ones. */
export function best(values) {
  let place = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[place]) place = i;
  return { place, value: values.length ? values[place] : -Infinity };
}

export const digitsOf = (logits) => logits.slice(0, DIGIT_COUNT);
export const signsOf = (logits) => logits.slice(DIGIT_COUNT);
