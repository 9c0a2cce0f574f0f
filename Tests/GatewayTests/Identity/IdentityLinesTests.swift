import Foundation
import GravityContracts
import GravityIdentity
import Testing

@testable import Gateway

@Suite("Claims as header lines") struct IdentityLinesTests {
  private func lines(_ subject: String, roles: [String] = [], permissions: [Permission] = []) -> [String] {
    let principal = Principal(
      subject: subject, tokenID: "t", roles: roles, permissions: permissions, issuedAt: Date(timeIntervalSince1970: 0),
      expiresAt: .distantFuture)
    return String(decoding: IdentityLines.make(principal), as: UTF8.self).components(separatedBy: "\r\n")
  }

  @Test("what names are mostly made of stays as it is")
  func plain() {
    #expect(
      lines("auth0|7_a@example.org", roles: ["reader", "/staff/it"], permissions: ["orders:read", "orders:*"]) == [
        "x-user-id: auth0|7_a@example.org", "x-user-roles: reader,/staff/it",
        "x-user-permissions: orders:read,orders:*", "",
      ])
  }

  @Test("a group named by somebody else is one role, whatever it is called")
  func separators() {
    let roles = ["x,admin", "a;b", "\"a\"", "100%", "c\\d", "Domain Admins", "a+b"]
    let line = lines("s", roles: roles)[1]
    #expect(line == "x-user-roles: x%2Cadmin,a%3Bb,%22a%22,100%25,c%5Cd,Domain%20Admins,a%2Bb")
    #expect(line.dropFirst(14).split(separator: ",").map { String($0).removingPercentEncoding } == roles)
  }

  @Test("nobody looks anonymous for what their name is made of, and no claim becomes a line")
  func others() {
    #expect(lines("Zoë", roles: ["管理"])[0...1] == ["x-user-id: Zo%C3%AB", "x-user-roles: %E7%AE%A1%E7%90%86"])
    #expect(lines("a\r\nx-user-roles: admin")[0] == "x-user-id: a%0D%0Ax-user-roles:%20admin")
    #expect(lines("a\u{7F}\0")[0] == "x-user-id: a%7F%00")
  }

  @Test("there is a line where there is nothing to list, and an empty name is none")
  func empty() {
    #expect(lines("s", roles: ["", "a", ""])[1] == "x-user-roles: a")
    #expect(lines("s")[1...] == ["x-user-roles: ", "x-user-permissions: ", ""])
  }
}
