import { duration } from "../format.js";

/// The axis of time of a timeline: from a moment to percent.
///
/// Compressed, each stretch between two events is as wide as the logarithm of its length: an hour's wait does not
/// squash the milliseconds beside it, and what came first still stands first.
///
/// - Parameters:
///   - end: of the saga, milliseconds; null while it goes on, then the axis ends now.
///   - room: between two ticks, percent.
export function axis(attempts, origin, end, { isLinear, room }) {
  const last = Math.max(end ?? 0, ...attempts.map((attempt) => attempt.end), ...(end === null ? [Date.now()] : []));
  const points = [...new Set([origin, last, ...attempts.flatMap((attempt) => [attempt.start, attempt.end])])]
    .filter((point) => point >= origin).sort((one, other) => one - other);
  const weight = (length) => (isLinear ? length : Math.log10(1 + length * 10));
  const places = [0];
  for (let index = 1; index < points.length; index += 1) {
    places.push(places[index - 1] + weight(points[index] - points[index - 1]));
  }
  const whole = places.at(-1) || 1;

  function at(moment) {
    if (moment >= last) return 100;
    if (moment <= origin) return 0;
    let [low, high] = [0, points.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (points[middle] <= moment) low = middle;
      else high = middle;
    }
    const share = weight(moment - points[low]) / (weight(points[high] - points[low]) || 1);
    return ((places[low] + share * (places[high] - places[low])) / whole) * 100;
  }

  return { at, ticks: ticks(points, at, origin, last, room) };
}

/// As many as can be read side by side: the beginning, the end, and between them those that are far enough apart.
function ticks(points, at, origin, last, room) {
  const chosen = [{ at: 0, label: "0", edge: "first" }];
  for (const point of points) {
    const place = at(point);
    if (place - chosen.at(-1).at >= room && 100 - place >= room) {
      chosen.push({ at: place, label: duration(point - origin), edge: "inner" });
    }
  }
  chosen.push({ at: 100, label: duration(last - origin), edge: "last" });
  return chosen;
}
