import AuthAPI
import Foundation
import GravityContracts

/// The pages where somebody lets a device in.
enum DevicePages {
  static func enterCode(_ code: String?, formToken: String, problem: Problem?) -> WebPage {
    let described = problem == nil ? "" : " aria-describedby=\"problem\" aria-invalid=\"true\""
    return WebPage(
      title: "Connect a device",
      body: """
        <p>Enter the code that your device shows: eight letters such as BCDF-GHJK.</p>
        \(WebPage.alert(problem.map(AuthorizationPages.sentence)))
        <form method="post" action="\(AuthAPI.enterDeviceCode.path)">
        <label for="user_code">Code</label>
        <input id="user_code" name="user_code" class="code" autocomplete="off" autocapitalize="characters" spellcheck="false" required maxlength="32" value="\(WebPage.escaped(code ?? ""))"\(described)\(code == nil || problem != nil ? " autofocus" : "")>
        \(WebPage.hidden("form_token", formToken))
        <button type="submit">Continue</button>
        </form>
        \(warning)
        """,
      status: problem.map { $0.status } ?? 200)
  }

  static func confirm(
    _ code: UserCode, _ row: DeviceRow, client: ClientRow, account: AccountRow, formToken: String
  ) -> WebPage {
    let wishes = row.scopes.map { "<li>\(WebPage.escaped(AuthorizationPages.meaning(of: $0)))</li>" }
    return WebPage(
      title: "Let this device in?",
      body: """
        <p>You are signed in as <strong>\(WebPage.escaped(account.email ?? account.name))</strong>.
        A device with <strong>\(WebPage.escaped(client.name))</strong> and the code</p>
        <p class="code">\(code.grouped)</p>
        <p>wants to:</p>
        <ul>
        \(wishes.joined(separator: "\n"))
        </ul>
        \(warning)
        <form method="post" action="\(AuthAPI.decideOnDevice.path)">
        \(WebPage.hidden("user_code", code.grouped))
        \(WebPage.hidden("form_token", formToken))
        <button type="submit" name="decision" value="allow">Allow</button>
        <button type="submit" name="decision" value="deny" class="plain">Do not allow</button>
        </form>
        """)
  }

  static func decided(isAllowed: Bool, client: ClientRow) -> WebPage {
    let name = "<strong>\(WebPage.escaped(client.name))</strong>"
    return isAllowed
      ? WebPage(
        title: "The device is connected",
        body: "<p>\(name) goes on at your device within a few seconds. You can close this page.</p>")
      : WebPage(title: "The device was not let in", body: "<p>\(name) got nothing. You can close this page.</p>")
  }

  /// Remote phishing (RFC 8628 §5.4).
  private static let warning = """
    <p class="warning">Go on only if you have this device before you and started this yourself. If somebody sent you
    the code or this address, they want to get into your account.</p>
    """
}
