import { h } from "./element.js";

const key = "gravity.console.theme";
const themes = [["system", "System theme"], ["light", "Light theme"], ["dark", "Dark theme"]];

function stored() {
  try {
    const theme = localStorage.getItem(key);
    return theme === "light" || theme === "dark" ? theme : "system";
  } catch {
    return "system";
  }
}

function apply(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem(key);
    else localStorage.setItem(key, theme);
  } catch {
    // Not remembered, where storage is switched off.
  }
}

/// Chooses between the system's theme, light and dark; the choice is kept in this browser.
export function themeSwitch() {
  const select = h("select.theme", { "aria-label": "Theme", onchange: () => apply(select.value) });
  for (const [value, label] of themes) select.append(h("option", { value }, label));
  select.value = stored();
  return select;
}
