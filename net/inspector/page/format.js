/** "5 ms", "1.2 s", "2 min 5 s", "3 h 4 min". */
export function formatMs(ms) {
  if (ms < 1) return ms <= 0 ? "0 ms" : ms < 0.1 ? "<0.1 ms" : `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor(ms / 1000) % 60} s`;
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} d ${Math.floor(minutes / 60) % 24} h`;
}

/** "950", "12,345", "1.2 M": never wider than seven characters. */
export function formatCount(count) {
  if (count < 100_000) return Math.round(count).toLocaleString("en");
  if (count < 1_000_000) return `${Math.round(count / 1000)} k`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} M` : `${(count / 1e9).toFixed(1)} G`;
}

/** "12 %", "0.4 %". */
export function formatPercent(share) {
  if (share > 0 && share < 0.001) return "<0.1 %";
  return share < 0.1 ? `${+(share * 100).toFixed(1)} %` : `${Math.round(share * 100)} %`;
}
