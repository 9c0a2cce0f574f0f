import AuthAPI
import Foundation
import GravityContracts
import GravityData

extension ClientRow {
  /// Whether it came with the platform.
  var isBuiltIn: Bool { id == ConsoleClient.id }

  /// Whether browsers may be sent back there.
  func sendsBack(to redirect: RedirectURI) -> Bool {
    // What listens on another port of a machine is another program, and what the console's codes open is limited to nothing.
    if isBuiltIn { return redirectURIs.contains(redirect.text) }
    return redirectURIs.compactMap { RedirectURI($0) }.contains(where: redirect.matches)
  }

  /// Makes it the console's at that platform.
  /// - Returns: false where no browser could come back, so that nobody is sent.
  fileprivate mutating func beConsole(of issuer: String) -> Bool {
    let address = RedirectURI(issuer + ConsoleClient.path)
    name = "Console"
    // Its sessions are logins of one's own, which are refreshed as those are.
    grants = [.authorizationCode]
    scopes = ["*:*", StandardScope.account]
    redirectURIs = address.map { [$0.text] } ?? []
    postLogoutRedirectURIs = []
    firstParty = true
    return address != nil
  }
}

extension Clients {
  /// What the platform needs stays as it is; an administrator may switch it off.
  static let protected = Problem(
    409, "client_protected", "The client came with the platform and stays as it is",
    detail: "It can be switched off, and on again.")

  /// Puts the console's client in place as it has to be, at each start: the platform may have another address by now, and a
  /// code must not go to a former one. Whether it is switched on stays as it is.
  func seed() async throws {
    try await core.write { [core] transaction, now in
      let store = ClientStore(transaction)
      let old = try store.find(ConsoleClient.id)
      var row =
        old
        ?? ClientRow(
          NewClient(name: "Console", authentication: Client.Authentication.none, grants: []), id: ConsoleClient.id,
          at: now)
      let isOfUse = row.beConsole(of: core.configuration.issuer)
      if old == nil {
        if isOfUse { try store.insert(row) }
      } else if row != old {
        _ = try store.update(row, at: now)
      }
    }
  }
}
