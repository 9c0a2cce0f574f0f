import Foundation
import GravityContracts
import GravityHTTP
import GravityTelemetry
import Logging
import Testing

@Suite struct OpenAPITests {
  enum Size: String, Codable, CaseIterable { case small, large }
  struct Inner: Codable, Sendable { var name: String }
  struct Everything: Codable, Sendable {
    var id: UUID
    var count: Int64?
    var ratio: Double
    var flag: Bool
    var size: Size
    var at: Date
    var inner: Inner?
    var many: [Inner]
    var by: [String: Int]
    var money: Money
    var change: Patch<String>
    var open: Open<Size>
    enum CodingKeys: String, CodingKey {
      case id, count, ratio, flag, size, at, inner, many, by, money, change, open
    }
  }

  @Test("the probe sees every field of a type that has one of everything, the last too")
  func probe() throws {
    guard case .object(let fields, let name) = Schema(of: Everything.self) else {
      Issue.record("no object")
      return
    }
    #expect(name == "OpenAPITestsEverything")
    #expect(
      fields.map(\.name) == [
        "id", "count", "ratio", "flag", "size", "at", "inner", "many", "by", "money", "change", "open",
      ])
    #expect(fields.filter { !$0.isRequired }.map(\.name) == ["count", "inner", "change"])
    #expect(fields[4].schema == .string(values: ["small", "large"]))
    #expect(fields[10].schema == .nullable(.string()))
    #expect(Schema(of: Everything.self).unknowns == [])
  }

  struct Odd: Codable, Sendable {
    init() {}
    init(from decoder: any Decoder) throws { throw CocoaError(.coderInvalidValue) }
    func encode(to encoder: any Encoder) throws {}
  }
  struct HasOdd: Codable, Sendable { var odd: Odd }

  @Test("a type that cannot be walked is told, not lost")
  func unknowns() {
    let endpoint = Endpoint<HasOdd, Empty>("x", .post, "/x", access: .public)
    #expect(OpenAPI(title: "x", version: "1", endpoints: [endpoint]).unknownTypes == ["Odd"])
  }

  struct Thing: Codable, Sendable, FieldBounded {
    struct Part: Codable, Sendable { var id: UUID }
    var id: UUID
    var title: String
    var note: Patch<String>
    var size: Int?
    var tags: [String]?
    var part: Part?
    static let bounds: [String: FieldBounds] = [
      "title": .plainText(5, lines: true), "note": .text(0...9), "size": .integer(1...7),
      "tags": .items(1...2, each: .text(3...4), unique: true),
    ]
    static let neverNull: Set<String> = ["note"]
  }
  struct Wrong: Codable, Sendable, FieldBounded {
    var id: UUID
    static let bounds: [String: FieldBounds] = ["title": .text(0...9)]
  }
  struct AllOptional: Codable, Sendable {
    var id: UUID
    var reason: String?
  }
  struct List: Codable, Sendable {
    var limit: Int?
    var cursor: Cursor?
  }

  private func operations(_ endpoints: [any EndpointDescription]) throws -> (
    paths: [String: [String: [String: Any]]], schemas: [String: [String: Any]]
  ) {
    let data = try OpenAPI(title: "x", version: "1", endpoints: endpoints).encoded()
    let root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let schemas = (root["components"] as? [String: Any])?["schemas"] as? [String: [String: Any]]
    return (
      try #require(root["paths"] as? [String: [String: [String: Any]]]), try #require(schemas)
    )
  }

  private func json(_ value: Any?) throws -> String {
    let data = try JSONSerialization.data(
      withJSONObject: try #require(value), options: [.sortedKeys, .fragmentsAllowed, .withoutEscapingSlashes])
    return String(decoding: data, as: UTF8.self)
  }

  @Test("what fields take beyond their types is in the document, and a bound of no field is told")
  func bounds() throws {
    let change = Endpoint<Thing, Thing.Part>("x", .patch, "/things/{id}", access: .public)
    let (_, schemas) = try operations([change])
    let properties = try #require(schemas["OpenAPITestsThingBody"]?["properties"] as? [String: Any])
    let refused = FieldBounds.notInText.replacing(#"\"#, with: #"\\"#)
    let line = #"(?:[^\#(refused)]|\\r?\\n)*"#
    #expect(
      try json(properties["title"])
        == #"{"maxLength":5,"minLength":1,"pattern":"^\#(line)[^\\s\#(refused)]\#(line)$","type":"string"}"#)
    #expect(try json(properties["note"]) == #"{"maxLength":9,"type":"string"}"#)
    #expect(
      try json(properties["size"])
        == #"{"anyOf":[{"format":"int64","maximum":7,"minimum":1,"type":"integer"},{"type":"null"}]}"#)
    #expect(
      try json((properties["tags"] as? [String: [Any]])?["anyOf"]?.first)
        == #"{"items":{"maxLength":4,"minLength":3,"type":"string"},"maxItems":2,"minItems":1,"type":"array","#
        + #""uniqueItems":true}"#)
    #expect(schemas["OpenAPITestsThingPart"] != nil, "a nested type's name has its parent's in it")
    let wrong = Endpoint<Wrong, Empty>("x", .post, "/x", access: .public)
    #expect(OpenAPI(title: "x", version: "1", endpoints: [wrong]).unknownTypes.count == 1)
  }

  @Test("a body may be left out where its fields may, and there is none where the path has them all")
  func optionalBodies() throws {
    let (paths, _) = try operations([
      Endpoint<AllOptional, Empty>("a", .post, "/a/{id}", access: .public),
      Endpoint<Thing.Part, Empty>("b", .post, "/b/{id}", access: .public),
      Endpoint<Thing, Empty>("c", .post, "/c/{id}", access: .public),
    ])
    let bodies = ["/a/{id}", "/b/{id}", "/c/{id}"].map { paths[$0]?["post"]?["requestBody"] as? [String: Any] }
    #expect(bodies.map { $0?["required"] as? Bool } == [false, nil, true])
  }

  @Test("a list's limit has the bounds of every page; a page's problems may be pages")
  func listsAndPages() throws {
    let (paths, _) = try operations([
      Endpoint<List, Page<Thing.Part>>("list", .get, "/list", access: .public),
      Endpoint<Empty, Content>("page", .get, "/page", access: .public, produces: "text/html; charset=utf-8"),
      Endpoint<Empty, Content>("table", .get, "/table", access: .public, produces: "text/csv"),
    ])
    let parameters = try #require(paths["/list"]?["get"]?["parameters"] as? [[String: Any]])
    #expect(
      try json(parameters.first { $0["name"] as? String == "limit" }?["schema"])
        == #"{"format":"int64","maximum":100,"minimum":1,"type":"integer"}"#)
    func types(_ path: String) -> [String] {
      let responses = paths[path]?["get"]?["responses"] as? [String: [String: Any]]
      return (responses?["default"]?["content"] as? [String: Any])?.keys.sorted() ?? []
    }
    #expect(types("/page") == ["application/problem+json", "text/html; charset=utf-8"])
    #expect(types("/table") == ["application/problem+json"])
  }

  @Test("the document lists what is public and leaves out what is between services")
  func document() throws {
    let data = try OpenAPI(title: "Shelf", version: "1", endpoints: ShelfAPI.endpoints).encoded()
    let root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let paths = try #require(root["paths"] as? [String: [String: Any]])
    #expect(paths["/api/v1/inside"] == nil)
    #expect(Set(paths["/api/v1/books"]?.keys.map { $0 } ?? []) == ["get", "post"])
    let schemas = try #require((root["components"] as? [String: Any])?["schemas"] as? [String: Any])
    #expect(schemas["ShelfAPIBookPage"] != nil)
    let problem = try #require(schemas["Problem"] as? [String: Any])
    #expect(
      Set(try #require(problem["properties"] as? [String: Any]).keys) == [
        "type", "title", "status", "code", "detail", "errors", "request_id", "retry_after",
      ])
    #expect(Set(try #require(problem["required"] as? [String])) == ["type", "title", "status", "code"])
    #expect(schemas.keys.allSatisfy { $0.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" } })
  }

  @Test("routes and declarations that differ end the start")
  func undeclared() throws {
    #expect(throws: UndeclaredRoutes.self) {
      var routes = Routes(.init(verifier: nil))
      routes.on(ShelfAPI.broken) { _, _ in Empty() }
      _ = try routes.build(declared: [], telemetry: HTTPTelemetry(logger: .init(label: "x"), metrics: .init()))
    }
    #expect(throws: UndeclaredRoutes.self) {
      let routes = Routes(.init(verifier: nil))
      _ = try routes.build(
        declared: [ShelfAPI.broken], telemetry: HTTPTelemetry(logger: .init(label: "x"), metrics: .init()))
    }
  }
}
