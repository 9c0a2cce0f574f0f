import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityHTTP

/// What the browser sees next.
enum PasskeyStep: Sendable {
  case signIn
  case list(PasskeyList, of: BrowserSessions.Found, problem: Problem?)
  /// Done: the page is asked for anew.
  case changed
}

/// The page where somebody who signed in sees, adds and removes their passkeys. It shows them to who signed in a short
/// while ago only, since they decide over how somebody gets in.
struct PasskeyPageSteps: Sendable {
  let core: AuthCore
  let passkeys: Passkeys
  let browsers: BrowserSessions

  /// - Throws: `Problem` 409 where there are no passkeys on this platform.
  func begin(cookie: String?) async throws -> PasskeyStep {
    _ = try core.passkeys.required()
    guard let found = try await recent(cookie) else { return .signIn }
    return .list(try await passkeys.list(of: found.account.id), of: found, problem: nil)
  }

  /// - Throws: `Problem` 403 where nobody signed in, or not recently.
  func options(cookie: String?) async throws -> PasskeyCreationOptions {
    guard let found = try await recent(cookie) else {
      throw Problem(403, "form_expired", "You signed in too long ago", detail: "Open this page anew.")
    }
    return try await passkeys.options(for: .browser(found))
  }

  /// One of the page's forms.
  func change(_ form: PasskeyForm, cookie: String?) async throws -> PasskeyStep {
    guard let found = try await recent(cookie) else { return .signIn }
    do {
      if let id = form.remove {
        guard let id = UUID(uuidString: id) else { throw Problem.notFound("passkey") }
        try await passkeys.remove(id, for: .browser(found))
      } else {
        let credential = try RegistrationCredential(form: form.credential)
        let name = form.name?.trimmingCharacters(in: .whitespacesAndNewlines)
        _ = try await passkeys.register(
          NewPasskey(name: name == "" ? nil : name, credential: credential), for: .browser(found))
      }
      return .changed
    } catch let problem as Problem where problem.status < 500 {
      return .list(try await passkeys.list(of: found.account.id), of: found, problem: problem)
    }
  }

  private func recent(_ cookie: String?) async throws -> BrowserSessions.Found? {
    try await core.read { [core, browsers] transaction, now in
      guard let found = try browsers.find(cookie, transaction, now), try found.isRecent(core, transaction, now) else {
        return nil
      }
      return found
    }
  }
}

extension RegistrationCredential {
  /// As the page's script writes it.
  init(form text: String?) throws { self = try StrictJSON.decode(Self.self, from: Data((text ?? "").utf8)) }
}

extension AssertionCredential {
  /// The same.
  init(form text: String?) throws { self = try StrictJSON.decode(Self.self, from: Data((text ?? "").utf8)) }
}
