import AuthAPI
import Foundation
import GravityContracts

/// What people see of other providers.
enum FederationPages {
  /// The ways to them, below the sign-in page's form; nothing where there are none. They are links and no forms: a
  /// provider may lead on to wherever it likes, which `form-action` would not let it.
  static func ways(_ providers: FederatedProviders, _ query: AuthorizationQuery) -> String {
    guard !providers.all.isEmpty else { return "" }
    let request = FormEncoding.encoded(query.carried)
    let ways = providers.all.map { provider in
      "<li><a class=\"button\" href=\"\(path(provider))?request=\(request)\">Continue with "
        + "\(WebPage.escaped(provider.displayName))</a></li>"
    }
    return "<ul class=\"ways\">\n\(ways.joined(separator: "\n"))\n</ul>"
  }

  static func confirmLink(
    _ provider: FederatedProvider, _ account: AccountRow, ticket: String, formToken: String
  ) -> WebPage {
    let query = FormEncoding.encoded([("ticket", ticket), ("form_token", formToken)])
    let name = WebPage.escaped(provider.displayName)
    return WebPage(
      title: "Connect \(provider.displayName)?",
      body: """
        <p>Whoever signs in with your account at \(name) gets into the account
        <strong>\(WebPage.escaped(account.email ?? account.name))</strong> here from then on.</p>
        <p class="warning">Go on only if that account is yours and you asked for this. If somebody sent you this
        address, close the page.</p>
        <p><a class="button" href="\(path(provider))?\(WebPage.escaped(query))">Continue with \(name)</a></p>
        """)
  }

  static func linked(_ provider: FederatedProvider, _ account: AccountRow) -> WebPage {
    let name = WebPage.escaped(provider.displayName)
    return WebPage(
      title: "\(provider.displayName) is connected",
      body: """
        <p>You can sign in to <strong>\(WebPage.escaped(account.email ?? account.name))</strong> with \(name) now.
        You can close this page.</p>
        """)
  }

  private static func path(_ provider: FederatedProvider) -> String {
    AuthAPI.startAtProvider.path.replacing("{provider}", with: provider.name)
  }
}
