type Numbers = Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** A typed array twice as long, which begins with the same numbers: for what grows one by one. */
export function doubled<Kind extends Numbers>(numbers: Kind): Kind {
  const larger = new (numbers.constructor as new (length: number) => Kind)(2 * numbers.length);
  larger.set(numbers);
  return larger;
}
