import AuthAPI
import Foundation
import GravityContracts

/// What people see of passkeys. Its forms are there only where a script can ask the browser for one.
enum PasskeyPages {
  /// The way in on the sign-in page and on the one that asks for a code; nothing where there are no passkeys.
  static func way(_ support: PasskeySupport, _ query: AuthorizationQuery, formToken: String) -> String {
    guard support.party != nil else { return "" }
    return """
      <form id="passkey" method="post" action="\(AuthAPI.signInWithPasskey.path)" data-options="\(AuthAPI.passkeySignInOptions.path)" hidden>
      <p role="alert" hidden></p>
      \(WebPage.hidden("credential", ""))
      \(WebPage.hidden("request", query.carried))
      \(WebPage.hidden("form_token", formToken))
      <button type="submit" class="plain">Sign in with a passkey</button>
      </form>
      """
  }

  static func list(
    _ passkeys: PasskeyList, of account: AccountRow, formToken: String, problem: Problem?
  ) -> WebPage {
    let items = passkeys.items.map { item($0, formToken: formToken) }.joined(separator: "\n")
    return WebPage(
      title: "Your passkeys",
      body: """
        <p>You are signed in as <strong>\(WebPage.escaped(account.email ?? account.name))</strong>. With a passkey you
        sign in by what unlocks your device, or by a security key with its PIN: no password, and no code.</p>
        \(WebPage.alert(problem.map(AuthorizationPages.sentence)))
        \(items.isEmpty ? "<p>There is none yet.</p>" : "<ul class=\"list\">\n\(items)\n</ul>")
        <form id="passkey" method="post" action="\(AuthAPI.changePasskeys.path)" data-options="\(AuthAPI.passkeyPageOptions.path)" data-new hidden>
        <label for="name">Name</label>
        <input id="name" name="name" autocomplete="off" required maxlength="100" placeholder="My phone">
        <p role="alert" hidden></p>
        \(WebPage.hidden("credential", ""))
        \(WebPage.hidden("form_token", formToken))
        <button type="submit">Add a passkey</button>
        </form>
        <noscript><p class="warning">To add one takes a browser that runs this page's script.</p></noscript>
        """,
      status: problem.map { $0.status } ?? 200, script: script)
  }

  private static func item(_ passkey: Passkey, formToken: String) -> String {
    let name = WebPage.escaped(passkey.name)
    let used = passkey.lastUsedAt.map { "last used on \(day($0))" } ?? "not used yet"
    return """
      <li><strong>\(name)</strong><br>
      added on \(day(passkey.createdAt)), \(used), \(passkey.backedUp ? "kept elsewhere, too" : "on one device only")
      <form method="post" action="\(AuthAPI.changePasskeys.path)">
      \(WebPage.hidden("remove", passkey.id.lowercased))
      \(WebPage.hidden("form_token", formToken))
      <button type="submit" class="plain" aria-label="Remove \(name)">Remove</button>
      </form></li>
      """
  }

  private static func day(_ time: Date) -> String { String(WireTime.string(time).prefix(10)) }

  /// Asks for options, has the browser make or use a passkey of them, and sends the form with what came of it.
  static let script = """
    const form = document.getElementById("passkey");
    const known = window.PublicKeyCredential;
    if (form && known && known.parseCreationOptionsFromJSON && known.parseRequestOptionsFromJSON) {
      const { credential, form_token: token, request } = form.elements;
      const [alert, button] = [form.querySelector("[role=alert]"), form.querySelector("button")];
      const words = {
        NotAllowedError: "It was canceled, or took too long. Try again.",
        InvalidStateError: "This device has a passkey for your account already.",
      };
      form.hidden = false;
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        button.disabled = alert.hidden = true;
        try {
          const answer = await fetch(form.dataset.options, {
            method: "POST", headers: { "content-type": "application/json" }, signal: AbortSignal.timeout(30000),
            body: JSON.stringify({ form_token: token.value, request: request?.value }),
          });
          const options = await answer.json();
          if (!answer.ok) throw new Error(`${options.title}. ${options.detail ?? ""}`);
          credential.value = JSON.stringify("new" in form.dataset
            ? await navigator.credentials.create({ publicKey: known.parseCreationOptionsFromJSON(options) })
            : await navigator.credentials.get({ publicKey: known.parseRequestOptionsFromJSON(options) }));
          form.submit();
        } catch (error) {
          alert.textContent = words[error.name] ?? error.message;
          alert.hidden = false;
        }
        button.disabled = false;
      });
    }
    """
}
