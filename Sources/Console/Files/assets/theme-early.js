// No module: those run when the page is drawn already. See theme.js for the rest.
try {
  const theme = localStorage.getItem("gravity.console.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is switched off: then the system's theme it is.
}
