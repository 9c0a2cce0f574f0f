import Console
import Foundation
import GravityContracts
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

@Suite struct ConsoleResponderTests {
  @Test(
    "every address beneath /console is the one page",
    arguments: [
      "/console", "/console/", "/console/sagas", "/console/sagas/0190?state=parked", "/console/of/tomorrow",
      "/console/assetsish",
    ])
  func page(path: String) async throws {
    let reply = try await ConsoleFixture.send(path)
    #expect(reply.status == .ok)
    #expect(reply.headers[.contentType] == "text/html; charset=utf-8")
    #expect(String(decoding: reply.bytes, as: UTF8.self) == (try ConsoleFixture.text("index.html")))
  }

  @Test(
    "an asset that is not there is 404 and no page, wherever the path leads",
    arguments: [
      "/console/assets", "/console/assets/", "/console/assets/none.js", "/console/assets/../index.html",
      "/console/assets/%2e%2e/index.html", "/consoles", "/index.html", "/assets/main.js",
    ])
  func missing(path: String) async throws {
    let reply = try await ConsoleFixture.send(path)
    #expect(reply.status == .notFound)
    #expect(reply.headers[.contentType] == "application/problem+json")
    #expect(try JSONDecoder().decode(Problem.self, from: reply.bytes).code == "not_found")
  }

  @Test("/ leads to the console")
  func start() async throws {
    let reply = try await ConsoleFixture.send("/")
    #expect(reply.status == .found && reply.headers[.location] == "/console/")
  }

  @Test(
    "a file says its type",
    arguments: [
      ("assets/main.js", "text/javascript; charset=utf-8"), ("assets/frame.css", "text/css; charset=utf-8"),
      ("assets/icon.svg", "image/svg+xml"),
    ])
  func type(path: String, type: String) async throws {
    let reply = try await ConsoleFixture.send("/console/" + path)
    #expect(reply.status == .ok && reply.headers[.contentType] == type)
  }

  @Test("a file that the browser has is not sent again, another one is", arguments: ["", "assets/api.js"])
  func entityTag(path: String) async throws {
    let first = try await ConsoleFixture.send("/console/" + path)
    let tag = try #require(first.headers[.eTag])
    #expect(tag.hasPrefix("\"") && tag.count > 20)
    // The browser asks each time, so that an upgrade is there at once.
    #expect(first.headers[.cacheControl] == "no-cache")
    for known in [tag, "W/\(tag)", "\"other\", \(tag)", "*"] {
      let again = try await ConsoleFixture.send("/console/" + path, headers: [.ifNoneMatch: known])
      #expect(again.status == .notModified && again.bytes.isEmpty)
      #expect(again.headers[.eTag] == tag && again.headers[.contentSecurityPolicy] != nil)
    }
    let changed = try await ConsoleFixture.send("/console/" + path, headers: [.ifNoneMatch: "\"other\""])
    #expect(changed.status == .ok && changed.bytes == first.bytes)
  }

  @Test("different files have different entity tags")
  func entityTags() async throws {
    var tags: Set<String> = []
    for path in try ConsoleFixture.paths() {
      tags.insert(try #require(try await ConsoleFixture.send(Self.address(path)).headers[.eTag]))
    }
    #expect(tags.count == (try ConsoleFixture.paths().count))
  }

  @Test(
    "nothing but what comes from here may run, be drawn or be framed",
    arguments: ["/console/", "/console/assets/main.js", "/console/assets/none.js"])
  func protection(path: String) async throws {
    let headers = try await ConsoleFixture.send(path).headers
    let policy = try #require(headers[.contentSecurityPolicy]).split(separator: ";").map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    for directive in [
      "default-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "object-src 'none'",
      "require-trusted-types-for 'script'",
    ] { #expect(policy.contains(directive), "\(directive)") }
    #expect(!policy.joined().contains("unsafe") && !policy.joined().contains("*"))
    #expect(headers[.xContentTypeOptions] == "nosniff")
    #expect(headers[.init("referrer-policy")!] == "no-referrer")
    #expect(headers[.init("x-frame-options")!] == "DENY")
    #expect(headers[.init("cross-origin-opener-policy")!] == "same-origin")
  }

  @Test("a mail is shown where nothing runs, nothing is loaded and only the console frames it")
  func mailFrame() async throws {
    let reply = try await ConsoleFixture.send("/console/assets/mail-frame.html")
    let policy = try #require(reply.headers[.contentSecurityPolicy]).split(separator: ";").map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    for directive in [
      "default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'self'",
      "sandbox allow-same-origin",
    ] { #expect(policy.contains(directive), "\(directive)") }
    #expect(!policy.contains { $0.hasPrefix("script-src") || $0.contains("http") || $0.contains("allow-scripts") })
    #expect(reply.headers[.init("x-frame-options")!] == "SAMEORIGIN")
    #expect(reply.headers[.xContentTypeOptions] == "nosniff")
    // Whatever is there comes from the API; the page itself has nothing.
    #expect(try ConsoleFixture.text("assets/mail-frame.html").contains("<body></body>"))
  }

  @Test("HEAD is GET without the body; other methods are 405")
  func methods() async throws {
    let get = try await ConsoleFixture.send("/console/assets/main.js")
    let head = try await ConsoleFixture.send("/console/assets/main.js", .head)
    #expect(head.status == .ok && head.bytes.isEmpty)
    #expect(head.headers[.eTag] == get.headers[.eTag])
    #expect(head.headers[.contentLength] == "\(get.bytes.count)")
    let post = try await ConsoleFixture.send("/console/", .post)
    #expect(post.status == .methodNotAllowed && post.headers[.allow] == "GET, HEAD")
  }

  static func address(_ path: String) -> String { path == "index.html" ? "/console/" : "/console/" + path }
}
