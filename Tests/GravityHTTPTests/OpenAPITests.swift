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
    #expect(name == "Everything")
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

  @Test("the document lists what is public and leaves out what is between services")
  func document() throws {
    let data = try OpenAPI(title: "Shelf", version: "1", endpoints: ShelfAPI.endpoints).encoded()
    let root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let paths = try #require(root["paths"] as? [String: [String: Any]])
    #expect(paths["/api/v1/inside"] == nil)
    #expect(Set(paths["/api/v1/books"]?.keys.map { $0 } ?? []) == ["get", "post"])
    let schemas = try #require((root["components"] as? [String: Any])?["schemas"] as? [String: Any])
    #expect(schemas["BookPage"] != nil)
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
