import AuthAPI
import Foundation
import GravityContracts

/// The pages of the authorization endpoint.
enum AuthorizationPages {
  static func signIn(
    _ query: AuthorizationQuery, for client: ClientRow?, at redirect: RedirectURI?, passkeys: PasskeySupport,
    ways: String, formToken: String, email: String?, problem: Problem?
  ) -> WebPage {
    let described = problem == nil ? "" : " aria-describedby=\"problem\" aria-invalid=\"true\""
    let address = email ?? query.loginHint ?? ""
    // Whoever has to type the address first is there first; whoever has it is at the password.
    let focus = (address.isEmpty ? " autofocus" : "", address.isEmpty ? "" : " autofocus")
    return WebPage(
      title: "Sign in",
      body: """
        <p>\(purpose(of: client, query))</p>
        \(WebPage.alert(problem.map(sentence)))
        <form method="post" action="\(AuthAPI.signIn.path)">
        <label for="email">E-mail address</label>
        <input id="email" name="email" type="email" autocomplete="username" required maxlength="254" value="\(WebPage.escaped(address))"\(described)\(focus.0)>
        <label for="password">Password</label>
        <input id="password" name="password" type="password" autocomplete="current-password" required\(described)\(focus.1)>
        \(WebPage.hidden("request", query.carried))
        \(WebPage.hidden("form_token", formToken))
        <button type="submit">Sign in</button>
        </form>
        \(PasskeyPages.way(passkeys, query, formToken: formToken))
        \(ways)
        """,
      status: problem.map { $0.status } ?? 200, formTarget: redirect?.source,
      script: passkeys.party == nil ? nil : PasskeyPages.script)
  }

  /// What somebody signs in for.
  static func purpose(of client: ClientRow?, _ query: AuthorizationQuery) -> String {
    client.map { "to continue to <strong>\(WebPage.escaped($0.name))</strong>" } ?? query.ownPurpose
  }

  static func consent(
    _ query: AuthorizationQuery, _ request: AuthorizationRequest, account: AccountRow, formToken: String
  ) -> WebPage {
    let wishes = request.scopes.map { "<li>\(WebPage.escaped(meaning(of: $0)))</li>" }.joined(separator: "\n")
    return WebPage(
      title: "Let \(request.client.name) in?",
      body: """
        <p>You are signed in as <strong>\(WebPage.escaped(account.email ?? account.name))</strong>.
        <strong>\(WebPage.escaped(request.client.name))</strong> wants to:</p>
        <ul>
        \(wishes)
        </ul>
        <form method="post" action="\(AuthAPI.consent.path)">
        \(WebPage.hidden("request", query.carried))
        \(WebPage.hidden("form_token", formToken))
        <button type="submit" name="decision" value="allow">Allow</button>
        <button type="submit" name="decision" value="deny" class="plain">Do not allow</button>
        </form>
        <p>You will be sent to <strong>\(WebPage.escaped(request.redirect.source))</strong>.</p>
        """,
      formTarget: request.redirect.source)
  }

  static func failure(_ problem: Problem) -> WebPage {
    WebPage(title: "This did not work", body: WebPage.alert(sentence(problem)), status: problem.status)
  }

  static func sentence(_ problem: Problem) -> String {
    let wait = problem.retryAfter.map { " Try again in \($0) seconds." } ?? ""
    return "\(problem.title).\(problem.retryAfter == nil ? problem.detail.map { " \($0)" } ?? "" : "")\(wait)"
  }

  static func meaning(of scope: String) -> String {
    switch scope {
    case StandardScope.openID: "know which account is yours"
    case StandardScope.profile: "see your name"
    case StandardScope.email: "see your e-mail address"
    case StandardScope.offlineAccess: "stay signed in while you are away"
    case StandardScope.account: "do for you what you can do yourself, such as order"
    default: "use the permission \(scope), if you have it"
    }
  }
}
