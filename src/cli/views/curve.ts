const MAX_POINTS = 256;
const LEVELS = [...'▁▂▃▄▅▆▇█'];

/** A curve of any length in bounded memory: when it is full, neighbours are averaged and it goes on half as fine. */
export class Curve {
  #points: number[] = [];
  #stride = 1;
  #sum = 0;
  #pending = 0;
  #last: number | undefined;

  add(value: number): void {
    this.#last = value;
    this.#sum += value;
    this.#pending += 1;
    if (this.#pending < this.#stride) return;
    this.#points.push(this.#sum / this.#pending);
    this.#sum = 0;
    this.#pending = 0;
    if (this.#points.length < MAX_POINTS) return;
    this.#points = this.#points.flatMap((point, index, all) =>
      index % 2 === 0 ? [(point + (all[index + 1] ?? point)) / 2] : [],
    );
    this.#stride *= 2;
  }

  get last(): number | undefined {
    return this.#last;
  }

  /** One character per bucket, highest to lowest over the whole curve. Empty below two points. */
  sparkline(width: number): string {
    const points = this.#points;
    if (points.length < 2 || width < 2) return '';
    const buckets = Math.min(width, points.length);
    const means = Array.from({ length: buckets }, (_, bucket) => {
      const part = points.slice(
        Math.floor((bucket * points.length) / buckets),
        Math.floor(((bucket + 1) * points.length) / buckets),
      );
      return part.reduce((sum, point) => sum + point, 0) / part.length;
    });
    const low = Math.min(...means);
    const span = Math.max(...means) - low;
    return means.map((mean) => LEVELS[span === 0 ? 0 : Math.round(((mean - low) / span) * 7)]).join('');
  }
}
