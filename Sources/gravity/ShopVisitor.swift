import AsyncHTTPClient
import Foundation
import GravityContracts
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Synchronization

/// A client that knows the platform by its public interface only, and asks again until it is answered.
struct ShopVisitor: Sendable {
  let base: String
  private let session: Session?
  private let http = HTTPClient.shared

  init(base: String) { self.init(base: base, session: nil) }

  private init(base: String, session: Session?) {
    self.base = base
    self.session = session
  }

  /// Who is logged in, and the token of now.
  private final class Session: Sendable {
    let email: String
    let password: String
    private let kept: Mutex<String>
    var token: String {
      get { kept.withLock { $0 } }
      set { kept.withLock { $0 = newValue } }
    }

    init(email: String, password: String, token: String) {
      (self.email, self.password) = (email, password)
      kept = Mutex(token)
    }
  }

  struct Reply: Sendable {
    var status: Int
    var body: JSONValue
    subscript(_ names: String...) -> JSONValue { names.reduce(body) { $0[$1] } }
  }

  /// - Throws: when no answer came.
  func once(
    _ method: String, _ path: String, _ body: JSONValue? = nil, headers: [(String, String)] = []
  ) async throws -> Reply {
    var request = HTTPClientRequest(url: base + path)
    request.method = HTTPMethod(rawValue: method)
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    if let token = session?.token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
    if let body {
      request.headers.replaceOrAdd(name: "content-type", value: "application/json")
      // The same bytes each time, as an Idempotency-Key wants them.
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      request.body = .bytes(ByteBuffer(data: try encoder.encode(body)))
    }
    let response = try await http.execute(request, timeout: .seconds(30))
    let data = Data(buffer: try await response.body.collect(upTo: 8 << 20))
    return Reply(
      status: Int(response.status.code), body: (try? JSONDecoder().decode(JSONValue.self, from: data)) ?? .null)
  }

  /// Asks until there is an answer that is final: while processes die, connections break and parts are away.
  ///
  /// - Throws: ``Unanswered`` when there was none for `limit`.
  func ask(
    _ method: String, _ path: String, _ body: JSONValue? = nil, key: String? = nil, wait: Int? = nil,
    atMost limit: Duration = .seconds(120)
  ) async throws -> Reply {
    var headers: [(String, String)] = []
    if let key { headers.append(("idempotency-key", key)) }
    if let wait { headers.append(("prefer", "wait=\(wait)")) }
    let end = ContinuousClock.now + limit
    var last = "nothing"
    while ContinuousClock.now < end {
      do {
        let reply = try await once(method, path, body, headers: headers)
        let code = reply["code"].text ?? ""
        let isFinal = reply.status < 500 && reply.status != 429 && code != "idempotency_in_progress"
        if reply.status == 401, let session { session.token = try await newToken(session.email, session.password) }
        if isFinal, reply.status != 401 || session == nil { return reply }
        last = "\(reply.status) \(code)"
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        last = "\(error)"
      }
      try await Task.sleep(for: .milliseconds(100))
    }
    throw Unanswered(what: "\(method) \(path)", last: last)
  }

  struct Unanswered: Error, CustomStringConvertible {
    var what: String
    var last: String
    var description: String { "\(what) got no answer; the last was \(last)" }
  }

  /// Every item of a list.
  func all(_ path: String) async throws -> [JSONValue] {
    var (items, cursor): ([JSONValue], String?) = ([], nil)
    repeat {
      let next = cursor.map { "&cursor=\($0)" } ?? ""
      let reply = try await ask("GET", "\(path)\(path.contains("?") ? "&" : "?")limit=100\(next)")
      guard reply.status == 200 else { throw Unanswered(what: path, last: "\(reply.status) \(reply.body)") }
      items += reply["items"].list
      cursor = reply["next_cursor"].text
    } while cursor != nil
    return items
  }

  func login(_ email: String, _ password: String) async throws -> ShopVisitor {
    let token = try await newToken(email, password)
    return ShopVisitor(base: base, session: Session(email: email, password: password, token: token))
  }

  private func newToken(_ email: String, _ password: String) async throws -> String {
    let reply = try await ShopVisitor(base: base).ask(
      "POST", "/api/v1/auth/login", .object(["email": .string(email), "password": .string(password)]))
    guard let token = reply["access_token"].text else {
      throw Unanswered(what: "login of \(email)", last: "\(reply.status)")
    }
    return token
  }
}

extension JSONValue {
  subscript(_ name: String) -> JSONValue {
    guard case .object(let members) = self else { return .null }
    return members[name] ?? .null
  }
  var text: String? { if case .string(let text) = self { text } else { nil } }
  var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
  var list: [JSONValue] { if case .array(let items) = self { items } else { [] } }
}
