/// How a device called itself, in the few words that people know it by: "Firefox on Linux". A guess for the eye; the
/// whole text stands beside it.
export function deviceName(userAgent) {
  if (!userAgent) return "unknown device";
  const first = (list) => list.find(([pattern]) => pattern.test(userAgent))?.[1] ?? null;
  const program = first([
    [/\bEdgA?\//, "Edge"], [/\bOPR\//, "Opera"], [/\bSamsungBrowser\//, "Samsung Internet"],
    [/\b(Firefox|FxiOS)\//, "Firefox"], [/\bHeadlessChrome\//, "Headless Chrome"], [/\b(Chrome|CriOS)\//, "Chrome"],
    [/\bSafari\//, "Safari"], [/^curl\//, "curl"],
  ]) ?? userAgent.split(/[\s/(]/)[0].slice(0, 40);
  const system = first([
    [/\b(iPhone|iPod)\b/, "iPhone"], [/\biPad\b/, "iPad"], [/\bAndroid\b/, "Android"], [/\bWindows\b/, "Windows"],
    [/\b(Macintosh|Mac OS X)\b/, "macOS"], [/\bCrOS\b/, "ChromeOS"], [/\bLinux\b/, "Linux"],
  ]);
  return system ? `${program} on ${system}` : program;
}
