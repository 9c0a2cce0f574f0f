import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

extension Authorization {
  /// The form of the page that asks for a code, after the password.
  /// - Returns: the next step, and the cookie of the session that was opened.
  func showCode(
    _ form: SecondFactorForm, from client: ClientDevice
  ) async throws -> (step: AuthorizationStep, cookie: BrowserCookie?) {
    guard let query = AuthorizationQuery(carried: form.request), let challenge = form.challenge else {
      throw Self.expired
    }
    let (asker, redirect) = try await core.read { transaction, _ in try Self.asker(query, transaction) }
    let cookie = BrowserCookie(session: core.newID(), secret: core.randomBytes(32))
    let (code, next, mailID) = (newCode(), query.signedIn, core.newID())
    do {
      return try await core.write { [challenges] transaction, now in
        switch try challenges.redeem(
          challenge, form.code ?? "", .page, from: client, mailID: mailID, transaction, now)
        {
        case .accepted(let account, let authentication):
          try login.remember(account, from: client, transaction, now)
          let found = try browsers.open(cookie, for: account, authentication, from: client, transaction, now)
          return (try answering(next, transaction) { try proceed(next, $0, found, code, transaction, now) }, cookie)
        case .wrongCode(isLast: false):
          return (
            .secondFactor(
              query, client: asker, redirect: redirect, challenge: challenge, problem: SecondFactorChallenges.wrongCode),
            nil
          )
        case .wrongCode, .refused:
          return (
            .signIn(query, client: asker, redirect: redirect, problem: SecondFactorChallenges.refusal), nil
          )
        }
      }
    } catch let problem as Problem where problem.status == 429 {
      return (
        .secondFactor(query, client: asker, redirect: redirect, challenge: challenge, problem: problem), nil
      )
    }
  }
}

extension PageReplies {
  /// Of one challenge: its page is of use for no other.
  static func code(_ challenge: String) -> String { "second-factor \(challenge)" }
}

extension AuthorizationPages {
  static func code(
    _ query: AuthorizationQuery, for client: ClientRow?, at redirect: RedirectURI?, challenge: String,
    passkeys: PasskeySupport, formToken: String, signInToken: String, problem: Problem?
  ) -> WebPage {
    let described = problem == nil ? "" : " aria-invalid=\"true\""
    let descriptions = problem == nil ? "hint" : "problem hint"
    return WebPage(
      title: "Enter your code",
      body: """
        <p>\(purpose(of: client, query))</p>
        \(WebPage.alert(problem.map(sentence)))
        <form method="post" action="\(AuthAPI.signInCode.path)">
        <label for="code">Code</label>
        <input id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" required maxlength="64" aria-describedby="\(descriptions)"\(described) autofocus>
        <p id="hint">The six digits that your authenticator app shows, or one of your recovery codes.</p>
        \(WebPage.hidden("challenge", challenge))
        \(WebPage.hidden("request", query.carried))
        \(WebPage.hidden("form_token", formToken))
        <button type="submit">Continue</button>
        </form>
        \(PasskeyPages.way(passkeys, query, formToken: signInToken))
        """,
      status: problem.map { $0.status } ?? 200, formTarget: redirect?.source,
      script: passkeys.party == nil ? nil : PasskeyPages.script)
  }
}
