import Foundation
import GravityContracts
import GravityIdentity
import Testing

@Suite struct PasswordHasherTests {
  private let hasher = PasswordHasher(cost: 4)

  @Test("a password matches its own hash and no other")
  func matches() async throws {
    let hash = try await hasher.hash("correct horse")
    #expect(hash.hasPrefix("v1$2b$04$") && hash.count == 62)
    #expect(try await hasher.verify("correct horse", against: hash) == .init(matches: true, needsRehash: false))
    #expect(try await hasher.verify("correct hors", against: hash) == .init(matches: false, needsRehash: false))
    #expect(try await hasher.hash("correct horse") != hash, "each has a salt of its own")
  }

  @Test("nothing after 72 bytes or a NUL is ignored")
  func noTruncation() async throws {
    let long = String(repeating: "a", count: 72)
    let hash = try await hasher.hash(long)
    #expect(try await !hasher.verify(long + "b", against: hash).matches)
    let nul = try await hasher.hash("secret\0one")
    #expect(try await hasher.verify("secret\0one", against: nul).matches)
    #expect(try await !hasher.verify("secret\0two", against: nul).matches)
  }

  @Test("composed and decomposed letters are one password")
  func normalised() async throws {
    let hash = try await hasher.hash("caf\u{E9} au lait")
    #expect(try await hasher.verify("cafe\u{301} au lait", against: hash).matches)
  }

  @Test(
    "hashes of other systems match and ask to be made anew",
    arguments: [
      ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
      ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
      ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
      ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
    ])
  func imported(_ password: String, _ hash: String) async throws {
    #expect(try await hasher.verify(password, against: hash) == .init(matches: true, needsRehash: true))
    #expect(try await !hasher.verify(password + "x", against: hash).matches)
    #expect(try await !hasher.verify(password + "\0", against: hash).matches, "a NUL hides nothing")
  }

  @Test("a hash of a lower cost asks to be made anew when the cost rose")
  func costRose() async throws {
    let hash = try await hasher.hash("correct horse")
    let verdict = try await PasswordHasher(cost: 5).verify("correct horse", against: hash)
    #expect(verdict == .init(matches: true, needsRehash: true))
    #expect(try await !PasswordHasher(cost: 5).verify("wrong horse", against: hash).needsRehash)
  }

  @Test(
    "no account, and a hash that is none, match nothing",
    arguments: [nil, "", "plain", "v1", "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$1$abc$def"])
  func nobody(_ hash: String?) async throws {
    #expect(try await hasher.verify("x", against: hash) == .init(matches: false, needsRehash: false))
  }

  @Test("more than may wait are refused at once, and the others are served")
  func busy() async throws {
    let hasher = PasswordHasher(cost: 8, threads: 1, queue: 2)
    let outcomes = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<20 {
        group.addTask {
          do {
            return try await hasher.verify("x", against: nil).matches == false
          } catch {
            #expect(error is PasswordHasherBusy)
            return false
          }
        }
      }
      return await group.reduce(into: [Bool]()) { $0.append($1) }
    }
    #expect(outcomes.contains(true) && outcomes.contains(false))
    #expect(try await !hasher.verify("x", against: nil).matches, "the places are free again")
  }
}

@Suite struct PasswordPolicyTests {
  @Test(
    "passwords that are guessed first are refused",
    arguments: [
      "password", "Password1", "password123!", "12345678", "qwertyuiop", "aaaaaaaa", "abcabcabc", "abcdefgh",
      "87654321",
      "ILOVEYOU", "dragon2024", "1qaz2wsx", "abababab", "😀😀😀😀😀😀😀😀", "letmein1", "admin123",
    ])
  func common(_ password: String) {
    #expect(PasswordPolicy.errors(in: password).first?.code == "too_common")
  }

  @Test("length is bounded on both sides")
  func lengths() {
    #expect(PasswordPolicy.errors(in: "x7!kQ2z").first?.code == "too_short")
    #expect(PasswordPolicy.errors(in: String(repeating: "x7!kQ2zp", count: 17)).first?.code == "too_long")
    #expect(PasswordPolicy.errors(in: String(repeating: "👨‍👩‍👧‍👦x", count: 60)).first?.code == "too_long", "bytes count too")
    let sixtyFour = (0..<64).map { String(UnicodeScalar(UInt8(33 + $0 * 7 % 90))) }.joined()
    #expect(PasswordPolicy.errors(in: sixtyFour).isEmpty)
  }

  @Test("neither the address nor the name may be in it")
  func personal() {
    func code(_ password: String) -> String? {
      PasswordPolicy.errors(in: password, email: "Alice.Smith@example.org", name: "Jo Müller", field: "new").first?.code
    }
    #expect(code("xx-alice.smith-yy") == "personal" && code("MÜLLER-2931-x") == "personal")
    #expect(code("jolly-winding-road") == nil, "two letters of a name prove nothing")
  }

  @Test(
    "a passphrase passes", arguments: ["correct horse battery staple", "tr0ub4dor&3", "ключ от квартиры", "9f!kd02mQz"])
  func good(_ password: String) { #expect(PasswordPolicy.errors(in: password, email: "a@b.c", name: "A").isEmpty) }
}
