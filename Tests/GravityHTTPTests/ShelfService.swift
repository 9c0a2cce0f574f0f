import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityIdentity
import GravityTelemetry
import Hummingbird
import HummingbirdTesting
import Logging

/// A service in small, with one of everything that the kit offers.
enum ShelfAPI {
  struct Book: Codable, Sendable, EntityTagged {
    var id: UUID
    var title: String
    var pages: Int
    var tags: [String]?
    var version: Int64
    var entityTag: EntityTag { EntityTag(version: version) }
  }
  struct NewBook: Codable, Sendable {
    var title: String
    var pages: Int
    var tags: [String]?
  }
  struct BookChange: Codable, Sendable {
    var id: UUID
    var title: Patch<String>
  }
  struct Named: Codable, Sendable { var id: UUID }
  struct Search: Codable, Sendable {
    var limit: Int?
    var cursor: Cursor?
    var since: Date?
  }
  struct Form: Codable, Sendable { var token: String }

  static let add = Endpoint<NewBook, Book>(
    "add", .post, "/api/v1/books", access: .permission("books:write"), success: 201, idempotency: .accepted)
  static let buy = Endpoint<NewBook, Book>("buy", .post, "/api/v1/orders", access: .public, idempotency: .required)
  static let get = Endpoint<Named, Book>("get", .get, "/api/v1/books/{id}", access: .public)
  static let change = Endpoint<BookChange, Book>(
    "change", .patch, "/api/v1/books/{id}", access: .authenticated, precondition: .required)
  static let list = Endpoint<Search, Page<Book>>("list", .get, "/api/v1/books", access: .public)
  static let form = Endpoint<Form, Empty>("form", .post, "/oauth/form", access: .public, body: .form)
  static let slow = Endpoint<Empty, Empty>("slow", .get, "/api/v1/slow", access: .public)
  static let broken = Endpoint<Empty, Empty>("broken", .get, "/api/v1/broken", access: .public)
  static let inside = Endpoint<Empty, Empty>("inside", .get, "/api/v1/inside", access: .service)

  static let endpoints: [any EndpointDescription] = [add, buy, get, change, list, form, slow, broken, inside]
  static let book = Book(id: UUID(), title: "Emma", pages: 474, tags: nil, version: 3)
}

/// `reader`, `writer` and `service` are tokens; anything else is not.
struct TokensByName: TokenVerifier {
  func verify(_ token: String) async throws(TokenRefusal) -> Principal {
    var principal = Principal(subject: token, tokenID: token, issuedAt: .now, expiresAt: .distantFuture)
    switch token {
    case "reader": break
    case "writer": principal.permissions = ["books:*"]
    case "limited": (principal.permissions, principal.scope) = (["books:*"], ["books:read"])
    case "service": principal.isService = true
    case "old": throw TokenRefusal(.expired, "old")
    default: throw TokenRefusal(.invalid, "unknown")
    }
    return principal
  }
}

enum Shelf {
  static func test(
    _ body: @escaping @Sendable (any TestClientProtocol, LogOutput, PrometheusMetrics) async throws -> Void
  ) async throws {
    let output = LogOutput(collecting: .json)
    let metrics = PrometheusMetrics()
    let logger = Logger(label: "http") { ECSLogHandler(label: $0, service: "shelf", level: .info, output: output) }
    var routes = Routes(.init(verifier: TokensByName()))
    routes.on(ShelfAPI.add) { request, _ in
      ShelfAPI.Book(id: UUID(), title: request.title, pages: request.pages, tags: request.tags, version: 1)
    }
    routes.on(ShelfAPI.buy) { request, scope in
      ShelfAPI.Book(
        id: UUID(), title: scope.idempotencyKey?.key ?? "", pages: request.pages,
        tags: [scope.idempotencyKey?.scope ?? ""],
        version: 1)
    }
    routes.on(ShelfAPI.get) { request, _ in
      guard request.id == ShelfAPI.book.id else { throw Problem.notFound("book") }
      return ShelfAPI.book
    }
    routes.on(ShelfAPI.change) { request, scope in
      try scope.require(ShelfAPI.book.entityTag)
      return ShelfAPI.book
    }
    routes.on(ShelfAPI.list) { request, _ in
      Page(fetched: [], limit: try PageLimit.checked(request.limit)) { Cursor([$0.title]) }
    }
    routes.on(ShelfAPI.form) { request, scope in
      scope.reply.setHeader("X-Token", request.token)
      return Empty()
    }
    routes.on(ShelfAPI.slow) { _, _ in
      try await Task.sleep(for: .seconds(60))
      return Empty()
    }
    routes.on(ShelfAPI.broken) { _, _ in throw CocoaError(.fileNoSuchFile) }
    routes.on(ShelfAPI.inside) { _, _ in Empty() }
    let responder = try routes.build(
      declared: ShelfAPI.endpoints, telemetry: HTTPTelemetry(logger: logger, metrics: metrics))
    let readiness = Readiness()
    readiness.set(true)
    let operations = Operations(
      responder, readiness: readiness, checks: [HealthCheck("disk") { nil }], metrics: metrics,
      openAPI: try OpenAPI(title: "Shelf", version: "1", endpoints: ShelfAPI.endpoints).encoded())
    try await Application(responder: operations, configuration: .init(address: .hostname("127.0.0.1", port: 0))).test(
      .live
    ) { client in try await body(client, output, metrics) }
  }
}

extension TestResponse {
  var problem: Problem? { try? WireFormat.makeDecoder().decode(Problem.self, from: Data(String(buffer: body).utf8)) }
}

extension TestClientProtocol {
  func send(
    _ method: HTTPRequest.Method, _ uri: String, _ headers: HTTPFields = [:], json: String? = nil
  ) async throws -> TestResponse {
    var headers = headers
    if json != nil, headers[.contentType] == nil { headers[.contentType] = "application/json" }
    return try await execute(uri: uri, method: method, headers: headers, body: json.map { .init(string: $0) })
  }
}
