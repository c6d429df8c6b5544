// Points of several processes on one axis of time.
import type { ProcessSeries } from "../profile/types";
import { lineColor, mostLines } from "./colors";
import type { Line } from "./chart";

export function seriesName(series: ProcessSeries): string {
  const pid = series.labels.pid;
  return `${series.service || series.labels.comm || "?"}${pid ? ` (${pid})` : ""}`;
}

/** The largest processes a line each, the others together one. */
export function cpuLines(series: readonly ProcessSeries[]): { times: number[]; lines: Line[] } {
  const times = [...new Set(series.flatMap((each) => each.points.map(([at]) => at)))].sort((a, b) => a - b);
  const place = new Map(times.map((at, index) => [at, index]));
  const own = series.length > mostLines ? series.slice(0, mostLines - 1) : series;
  const lines = own.map((each, index): Line => ({ name: seriesName(each), color: lineColor(index), values: valuesOf([each], place) }));
  const rest = series.slice(own.length);
  if (rest.length) lines.push({ name: `${rest.length} others`, color: lineColor(mostLines - 1), values: valuesOf(rest, place) });
  return { times, lines };
}

function valuesOf(series: readonly ProcessSeries[], place: ReadonlyMap<number, number>): (number | null)[] {
  const values = new Array<number | null>(place.size).fill(null);
  for (const each of series)
    for (const [at, share] of each.points) {
      const index = place.get(at) as number;
      values[index] = (values[index] ?? 0) + share;
    }
  return values;
}
