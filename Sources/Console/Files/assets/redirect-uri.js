/// What is wrong with a redirect URI, or null: as the server judges it (RFC 6749 §3.1.2, RFC 8252 §7.1, §7.3), so that it
/// is told while it is typed. The server decides.
export function redirectURIError(text) {
  if (text === "") return "It is empty.";
  if (text.length > 2000) return "It must have at most 2 000 bytes.";
  if (/[^\x21-\x7e]/.test(text)) return "It must not have blanks or letters beyond ASCII; write them as %.";
  const bad = /["<>\\^`{|}]/.exec(text);
  if (bad) return `It must not have ${bad[0]}; write it as %.`;
  const parts = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?#]*))?[^#]*(#.*)?$/.exec(text);
  if (!parts) return "It must begin with a scheme: https, or one such as com.example.app.";
  const [, scheme, authority = "", fragment] = parts;
  if (scheme !== scheme.toLowerCase()) return `Write the scheme in small letters: ${scheme.toLowerCase()}.`;
  if (fragment !== undefined) return "It must not have a fragment (#…).";
  if (authority.includes("@")) return "It must not have a user or a password.";
  const host = authority.replace(/:\d*$/, "");
  if (scheme === "https") return host === "" ? "It has no host." : null;
  if (scheme === "http") {
    return ["127.0.0.1", "[::1]", "localhost"].includes(host) ? null
      : "http is for this machine only (127.0.0.1, [::1], localhost): elsewhere the code could be read on its way. Use https.";
  }
  return scheme.includes(".") ? null
    : `${scheme} is nobody's: a scheme of one's own has a dot, as a domain read backwards, com.example.app.`;
}
