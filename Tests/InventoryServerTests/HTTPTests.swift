import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import HTTPTypes
import InventoryAPI
import Testbed
import Testing
@testable import InventoryServer

@Suite("The interface")
struct HTTPTests {
  @Test("every endpoint wants its permission", arguments: Engine.available)
  func permissions(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      for endpoint in InventoryAPI.endpoints {
        guard case .permission(let needed) = endpoint.access else {
          Issue.record("\(endpoint.name) is for everybody")
          continue
        }
        #expect(try await status(endpoint, nil, fixture) == 401, "\(endpoint.name)")
        #expect(try await status(endpoint, "bad", fixture) == 401, "\(endpoint.name)")
        let others = [InventoryAPI.read, InventoryAPI.write, InventoryAPI.reserve].filter { $0 != needed }
        let token = others.map(\.rawValue).joined(separator: "~")
        #expect(try await status(endpoint, token, fixture) == 403, "\(endpoint.name)")
        let allowed = try await status(endpoint, needed.rawValue, fixture)
        #expect(![401, 403, 405].contains(allowed), "\(endpoint.name): \(allowed)")
      }
    }
  }

  private func status(
    _ endpoint: some EndpointDescription, _ token: String?, _ fixture: InventoryFixture
  ) async throws -> Int {
    let path = endpoint.path.replacing("{id}", with: UUID.v7().lowercased).replacing("{sku}", with: "A")
      .replacing("{location}", with: "main").replacing("{code}", with: "nowhere")
    let plain = Endpoint<NoFields, NoFields>(
      endpoint.name, endpoint.method, path, access: endpoint.access, success: endpoint.success)
    return try await fixture.send(plain, path, token: token).status
  }
  struct NoFields: Codable, Sendable {}

  @Test("every type of the interface can be described")
  func schema() {
    for endpoint in InventoryAPI.endpoints {
      #expect(Self.unknowns(endpoint).isEmpty, "\(endpoint.name)")
    }
  }
  private static func unknowns<E: EndpointDescription>(_ endpoint: E) -> [String] {
    Schema(of: E.Request.self).unknowns + Schema(of: E.Response.self).unknowns
  }

  @Test("an item is made by its first adjustment, and read as the contract says", arguments: Engine.available)
  func item(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      let path = "/api/v1/inventory/items/TEE%2FRED"
      #expect(try await fixture.send(InventoryAPI.item, path).status == 404)
      let made = try await fixture.send(
        InventoryAPI.adjust, path + "/adjustments", ["delta": 12, "reason": "received", "reference": "PO-7"])
      #expect(made.status == 200)
      let reply = try await fixture.send(InventoryAPI.item, path)
      let json = try #require(try JSONSerialization.jsonObject(with: Data(reply.text.utf8)) as? [String: Any])
      #expect(json["sku"] as? String == "TEE/RED")
      for (name, value) in ["on_hand": 12, "reserved": 0, "allocated": 0, "incoming": 0, "available": 12] {
        #expect(json[name] as? Int == value, "\(name)")
        let level = (json["levels"] as? [[String: Any]])?.first
        #expect(level?[name] as? Int == value, "\(name)")
      }
      #expect(json["purchasable"] as? Bool == true && json["status"] as? String == "in_stock")
      let movements = try await fixture.send(InventoryAPI.movements, path + "/movements")
      #expect(try movements.value.items.map(\.reference) == ["PO-7"])
      #expect(try await fixture.send(InventoryAPI.movements, "/api/v1/inventory/items/NONE/movements").status == 404)
      let created = try await fixture.send(InventoryAPI.createItem, nil, ["sku": "NEW", "low_threshold": 4])
      #expect(try (created.status, created.value.restockThreshold) == (201, 5))
      let again = try await fixture.send(InventoryAPI.createItem, nil, ["sku": "NEW"])
      #expect((again.status, again.code) == (409, "item_exists"))
      let list = try await fixture.send(InventoryAPI.items, "/api/v1/inventory/items?limit=1&status=out_of_stock")
      #expect(try list.value.items.map(\.sku) == ["NEW"])
    }
  }

  @Test("a reservation over the wire, with its problems", arguments: Engine.available)
  func reservation(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      try await fixture.receive("A", 3)
      let id = UUID.v7().lowercased
      func create(_ quantity: Int, id: String) async throws -> Testbed.Reply<StockReservation> {
        try await fixture.send(
          InventoryAPI.createReservation, nil,
          ["id": id, "lines": [["sku": "A", "quantity": quantity]], "ttl_seconds": 60])
      }
      let created = try await create(2, id: id)
      #expect(created.status == 201)
      let value = try created.value
      #expect((value.id.lowercased, value.state, value.expiresAt) == (id, .known(.active), fixture.clock.now + 60))
      #expect(try await create(2, id: id).value == value)
      let short = try await create(2, id: UUID.v7().lowercased)
      #expect((short.status, short.code) == (409, "insufficient_stock"))
      #expect(short.text.contains(#""shortages":["#))
      #expect(short.problem?.shortages == [StockShortage(sku: "A", requested: 2, available: 1)])
      let path = "/api/v1/inventory/reservations/\(id)"
      #expect(
        try await fixture.send(InventoryAPI.extendReservation, path + "/extend", ["ttl_seconds": 90]).status == 200)
      let committed = try await fixture.send(InventoryAPI.commitReservation, path + "/commit")
      #expect(try committed.value.state == .known(.committed))
      let released = try await fixture.send(InventoryAPI.releaseReservation, path + "/release")
      #expect((released.status, released.code) == (409, "reservation_closed"))
      #expect(released.problem?.extensions["state"] == "committed")
      #expect(try await fixture.send(InventoryAPI.returnReservation, path + "/return").value.state == .known(.returned))
      #expect(try await fixture.send(InventoryAPI.reservation, path).value.state == .known(.returned))
      let unknown = "/api/v1/inventory/reservations/\(UUID.v7().lowercased)"
      #expect(try await fixture.send(InventoryAPI.commitReservation, unknown + "/commit").status == 404)
      #expect(try await fixture.send(InventoryAPI.reservation, unknown).status == 404)
    }
  }

  @Test("what is not valid is 422 with its fields", arguments: [Engine.sqlite])
  func invalid(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      func fields(_ lines: [[String: Any]], _ ttl: Any) async throws -> [String] {
        let reply = try await fixture.send(
          InventoryAPI.createReservation, nil, ["lines": lines, "ttl_seconds": ttl])
        #expect(reply.status == 422)
        return reply.fields
      }
      let good: [String: Any] = ["sku": "A", "quantity": 1]
      #expect(try await fields([], 60) == ["lines"])
      #expect(try await fields(Array(repeating: good, count: 101), 60) == ["lines"])
      #expect(try await fields([good, ["sku": " A", "quantity": 0]], 60) == ["lines.1.sku", "lines.1.quantity"])
      #expect(try await fields([["sku": "A\u{1}", "quantity": 1_000_001]], 60) == ["lines.0.sku", "lines.0.quantity"])
      #expect(try await fields([good], 0) == ["ttl_seconds"])
      #expect(try await fields([good], 604_801) == ["ttl_seconds"])
      #expect(try await fields([["sku": "A", "quantity": 1.5]], 1).count == 1)
      func adjust(_ body: [String: Any], _ sku: String = "A") async throws -> [String] {
        let reply = try await fixture.send(
          InventoryAPI.adjust, "/api/v1/inventory/items/\(sku)/adjustments", body)
        #expect(reply.status == 422)
        return reply.fields
      }
      #expect(try await adjust(["delta": 0, "reason": "received"]) == ["delta"])
      #expect(try await adjust(["delta": 1_000_000_001, "reason": "received"]) == ["delta"])
      #expect(try await adjust(["delta": 1, "reason": "stolen"]) == ["reason"])
      #expect(try await adjust(["delta": 1, "reason": "lost", "location": "mars"]) == ["location"])
      #expect(try await adjust(["delta": 1, "reason": "lost", "reference": ""]) == ["reference"])
      #expect(try await adjust(["delta": 1, "reason": "lost"], String(repeating: "x", count: 101)) == ["sku"])
      let low = try await fixture.send(
        InventoryAPI.createItem, nil, ["sku": "B", "low_threshold": 5, "restock_threshold": 5])
      #expect(low.fields == ["restock_threshold"])
      for list in ["items", "reservations", "locations"] {
        let reply = try await fixture.send(InventoryAPI.items, "/api/v1/inventory/\(list)?limit=101")
        #expect((reply.status, reply.fields) == (422, ["limit"]))
      }
    }
  }

  @Test(
    "a repeat under the same Idempotency-Key changes nothing, and another request under it is refused",
    arguments: Engine.available)
  func idempotency(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      func receive(_ delta: Int) async throws -> Testbed.Reply<StockItem> {
        try await fixture.send(
          InventoryAPI.adjust, "/api/v1/inventory/items/A/adjustments", ["delta": delta, "reason": "received"],
          headers: ["Idempotency-Key": "delivery-1"])
      }
      let first = try await receive(5)
      let second = try await receive(5)
      #expect(try second.value == first.value)
      #expect(second.headers[.init("Idempotency-Replayed")!] == "true")
      #expect(try await receive(6).code == "idempotency_key_reused")
      #expect(try await fixture.item("A").onHand == 5)
      func reserve() async throws -> Testbed.Reply<StockReservation> {
        try await fixture.send(
          InventoryAPI.createReservation, nil, ["lines": [["sku": "A", "quantity": 3]], "ttl_seconds": 60],
          headers: ["Idempotency-Key": "cart-1"])
      }
      #expect(try await reserve().value == reserve().value)
      #expect(try await fixture.item("A").reserved == 3)
    }
  }

  @Test("locations are made, changed under If-Match, and deleted unless they were used", arguments: Engine.available)
  func locations(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      let path = "/api/v1/inventory/locations"
      let made = try await fixture.send(InventoryAPI.createLocation, nil, ["code": "east", "name": "East"])
      #expect(try (made.status, made.value.priority, made.etag) == (201, 100, "\"v1\""))
      let again = try await fixture.send(InventoryAPI.createLocation, nil, ["code": "east", "name": "East"])
      #expect(again.code == "location_exists")
      for code in ["", "East", "-e", "é", String(repeating: "e", count: 41)] {
        #expect(
          try await fixture.send(InventoryAPI.createLocation, nil, ["code": code, "name": "E"]).fields == ["code"])
      }
      let changed = try await fixture.send(
        InventoryAPI.updateLocation, path + "/east", ["priority": 3], headers: ["If-Match": made.etag])
      #expect(try (changed.value.priority, changed.value.version) == (3, 2))
      let stale = try await fixture.send(
        InventoryAPI.updateLocation, path + "/east", ["priority": 4], headers: ["If-Match": made.etag])
      #expect(stale.status == 412)
      #expect(try await fixture.send(InventoryAPI.locations).value.items.map(\.code) == ["east", "main"])
      let page = try await fixture.send(InventoryAPI.locations, path + "?limit=1")
      let cursor = try #require(try page.value.nextCursor)
      let rest = try await fixture.send(InventoryAPI.locations, path + "?limit=1&cursor=\(cursor)")
      #expect(try rest.value.items.map(\.code) == ["main"])
      try await fixture.receive("A", 1, at: "east")
      #expect(try await fixture.send(InventoryAPI.deleteLocation, path + "/east").code == "location_in_use")
      #expect(try await fixture.send(InventoryAPI.deleteLocation, path + "/main").code == "location_in_use")
      _ = try await fixture.send(InventoryAPI.createLocation, nil, ["code": "west", "name": "West"])
      #expect(try await fixture.send(InventoryAPI.deleteLocation, path + "/west").status == 204)
      #expect(try await fixture.send(InventoryAPI.location, path + "/west").status == 404)
    }
  }

  @Test("lists page by cursor, stable while rows are written", arguments: Engine.available)
  func pages(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      for number in 10..<35 { try await fixture.receive("SKU-\(number)", 1) }
      var (skus, cursor) = ([String](), Cursor?.none)
      repeat {
        let page = try await fixture.send(
          InventoryAPI.items, "/api/v1/inventory/items?limit=10" + (cursor.map { "&cursor=\($0)" } ?? "")
        ).value
        skus += page.items.map(\.sku)
        cursor = page.nextCursor
        try await fixture.receive("SKU-0\(skus.count)", 1)
      } while cursor != nil
      #expect(skus == (10..<35).map { "SKU-\($0)" })
      var ids: [UUID] = []
      var random = SystemRandomNumberGenerator()
      for _ in 0..<5 {
        // Ids are made in order, milliseconds apart.
        ids.append(UUID.v7(at: Date(timeIntervalSince1970: 1_700_000_000 + Double(ids.count)), using: &random))
        _ = try await fixture.reserve([("SKU-\(10 + ids.count)", 1)], id: ids[ids.count - 1])
      }
      let first = try await fixture.service.reservations.list(StockReservationQuery(limit: 3))
      let next = try await fixture.service.reservations.list(StockReservationQuery(limit: 3, cursor: first.nextCursor))
      let (listed, expected) = ((first.items + next.items).map(\.id), Array(ids.reversed()))
      #expect(listed == expected)
    }
  }
}
