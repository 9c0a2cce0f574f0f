import AuthAPI
import Foundation
import GravityContracts
import JWTKit
import Testing

@testable import AuthServer

/// What standards give as examples.
@Suite struct StandardVectorTests {
  @Test("RFC 7636 appendix B: a verifier and its challenge")
  func pkce() {
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    #expect(PKCE.challenge(of: verifier) == challenge)
    #expect(PKCE.isChallenge(challenge) && PKCE.isVerifier(verifier))
    #expect(PKCE.matches(verifier, challenge) && !PKCE.matches(verifier.dropLast() + "l", challenge))
  }

  private struct Example: JWTPayload, Equatable {
    var iss: String
    var exp: Int
    func verify(using algorithm: some JWTAlgorithm) async throws {}
  }

  @Test("RFC 7515 appendix A.3: the ES256 signature is good, and is not when content or signature differ in a letter")
  func es256() async throws {
    let key = AssertionKey(
      .init(
        kty: "EC", crv: "P-256", x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"))
    guard case .ecdsa(let found) = try #require(key) else {
      Issue.record("no key for ES256")
      return
    }
    let keys = JWTKeyCollection()
    await keys.add(ecdsa: found)
    let header = "eyJhbGciOiJFUzI1NiJ9"
    let content =
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    let example = try await keys.verify("\(header).\(content).\(signature)", as: Example.self)
    #expect(example == Example(iss: "joe", exp: 1_300_819_380))
    // "joe" becomes "jof"; the signature's first letter another.
    let other = content.replacing("qb2Ui", with: "qb2Yi")
    #expect(other != content)
    for forged in ["\(header).\(other).\(signature)", "\(header).\(content).E\(signature.dropFirst())"] {
      let error = await #expect(throws: JWTError.self) { try await keys.verify(forged, as: Example.self) }
      #expect(error?.errorType == .signatureVerificationFailed)
    }
  }
}
