import AuthAPI
import Foundation
import GravityContracts
import GravityData
import Testbed
import Testing

@testable import AuthServer

/// An authenticator app.
struct Authenticator: Sendable {
  let password: OneTimePassword

  /// - Parameter secret: In base32, as somebody types it in.
  init(_ secret: String) throws {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    var (bytes, buffer, bits) = ([UInt8](), UInt32(0), 0)
    for character in secret {
      let index = try #require(alphabet.firstIndex(of: character))
      buffer = buffer << 5 | UInt32(alphabet.distance(from: alphabet.startIndex, to: index))
      bits += 5
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
      }
    }
    password = OneTimePassword(secret: bytes)
  }

  func code(at time: Date) -> String { password.code(counter: OneTimePassword.counter(at: time)) }

  /// One that is wrong at `time` for certain.
  func wrongCode(at time: Date) -> String {
    (0...).lazy.map { String(format: "%06d", $0) }.first { password.step(of: $0, at: time) == nil }!
  }
}

/// Somebody whose account has a second factor.
struct Enrolled: Sendable {
  let id: UUID
  let email: String
  /// Of the session in which they enrolled.
  let tokens: Tokens
  let authenticator: Authenticator
  let recoveryCodes: [String]
}

extension AuthFixture {
  /// Registers, logs in and enrols. The clock stands a step later afterwards, so that the next code is a new one.
  func enrol(_ email: String) async throws -> Enrolled {
    let user = try await newUser(email)
    return try await enrol(user.id, email, user.tokens)
  }

  func enrol(_ id: UUID, _ email: String, _ tokens: Tokens) async throws -> Enrolled {
    let enrolment = try await send(AuthAPI.enrolTOTP, token: tokens.accessToken).value
    let authenticator = try Authenticator(enrolment.secret)
    let confirmed = try await send(
      AuthAPI.confirmTOTP, nil, ["code": authenticator.code(at: clock.now)], token: tokens.accessToken)
    #expect(confirmed.status == 200, "\(confirmed.text)")
    clock.advance(30)
    return Enrolled(
      id: id, email: email, tokens: tokens, authenticator: authenticator, recoveryCodes: try confirmed.value.codes)
  }

  /// Has the account's address proved, as a mailed token would.
  func prove(_ id: UUID) async throws {
    try await database.write { transaction in
      var row = try #require(try AccountStore(transaction).find(id))
      row.emailVerified = true
      _ = try AccountStore(transaction).update(row, at: row.updatedAt)
    }
  }

  /// The token of the last message of that kind, once whatever waits is sent.
  func mailedToken(_ kind: AuthMessage.Kind) async throws -> String {
    while try await service.mail.deliverDue() > 0 {}
    return try #require(mailbox.all.last { $0.kind == kind }?.token)
  }

  /// The bodies of the events of a type about an account.
  func recordedEvents(_ type: String, about account: UUID) async throws -> [String] {
    try await database.rows(
      "SELECT body FROM outbox WHERE type = \(type) AND subject = \(account.lowercased)"
    ).map { String(decoding: try $0.get("body", as: [UInt8].self), as: UTF8.self) }
  }

  /// Deletes what expired, as the service does every minute.
  func sweep() async throws {
    try await Maintenance(
      core: service.core, keys: service.keys, revocations: service.revocations, mail: service.mail
    ).sweep()
  }

  /// The challenge that a login is answered with.
  func challenge(
    _ email: String, _ password: String = Self.password, address: String = "192.0.2.1"
  ) async throws -> String {
    let reply = try await login(email, password, address: address)
    #expect(reply.status == 401 && reply.code == "mfa_required", "\(reply.text)")
    guard case .string(let challenge)? = reply.problem?.extensions["challenge"] else {
      throw CocoaError(.keyValueValidation)
    }
    return challenge
  }

  func complete(_ challenge: String, _ code: String, address: String = "192.0.2.1") async throws -> Reply<Tokens> {
    try await send(AuthAPI.completeLogin, nil, ["challenge": challenge, "code": code], address: address)
  }

  /// Both steps of a login, with a new code of the authenticator.
  func login(_ user: Enrolled) async throws -> Tokens {
    clock.advance(30)
    return try await complete(challenge(user.email), user.authenticator.code(at: clock.now)).value
  }
}
