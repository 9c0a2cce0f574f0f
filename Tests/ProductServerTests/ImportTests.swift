import Foundation
import GravityContracts
import GravityData
import GravityTasks
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Patience
import ProductAPI
import Testbed
import Testing
@testable import ProductServer

@Suite struct ImportTests {
  private func upload(
    _ shop: ProductFixture, _ text: String, as type: String = "application/x-ndjson", dryRun: Bool = false,
    headers: [String: String] = [:]
  ) async throws -> Reply<ProductImport> {
    try await shop.send(
      ProductAPI.createImport, "/api/v1/products/imports\(dryRun ? "?dry_run=true" : "")", raw: text, as: type,
      headers: headers)
  }

  private func find(_ shop: ProductFixture, _ id: UUID) async throws -> ProductImport {
    try await shop.send(ProductAPI.productImport, "/api/v1/products/imports/\(id.lowercased)").value
  }

  private func results(_ shop: ProductFixture, _ id: UUID, _ query: String = "limit=100") async throws -> [ImportResult]
  {
    try await shop.send(ProductAPI.importResults, "/api/v1/products/imports/\(id.lowercased)/results?\(query)")
      .value.items
  }

  /// Sends a file and waits for its end.
  private func done(
    _ shop: ProductFixture, _ text: String, as type: String = "application/x-ndjson", dryRun: Bool = false
  ) async throws -> (ProductImport, [ImportResult]) {
    let reply = try await upload(shop, text, as: type, dryRun: dryRun)
    try #require(reply.status == 202, "\(reply.text)")
    let id = try reply.value.id
    try await shop.whileTasksRun {
      try await eventually("the import ends") { try await find(shop, id).state == .known(.done) }
    }
    return (try await find(shop, id), try await results(shop, id))
  }

  @Test(
    "products are made and changed by external id, a result for each line, bad lines among them",
    arguments: Engine.available)
  func ndjson(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let old = try await shop.shirt("OLD", title: "Old", more: ["external_id": "E1", "tags": ["keep"]])
      let file = """
        {"external_id":"E1","title":"Changed"}
        {"external_id":"E2","title":"New","status":"published","variants":[{"sku":"N1","price":{"amount":5,"currency":"USD"}}]}

        {"external_id":"E3","title":"Broken
        {"external_id":"E4"}
        {"external_id":"E5","title":"Taken","variants":[{"sku":"OLD"}]}
        {"title":"No key"}
        {"external_id":"E2","title":"Again"}
        {"external_id":"E6","title":"Odd","tags":"x"}
        {"id":"\(old.id.lowercased)","external_id":"E7","title":"Changed twice"}
        {"id":"\(UUID().lowercased)","title":"Unknown"}
        {"external_id":"E8","title":"Many","title":"Twice"}
        """
      let (record, results) = try await done(shop, file)
      #expect(results.map(\.line) == [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12])
      let told = results.map { "\($0.outcome.rawValue) \($0.code?.rawValue ?? "")" }
      #expect(
        told == [
          "updated ", "created ", "failed malformed_json", "failed invalid", "failed sku_taken", "failed invalid",
          "failed invalid", "failed invalid", "updated ", "failed invalid", "failed malformed_json",
        ], "\(results)")
      #expect(results[3].errors?.map(\.field) == ["title"])
      #expect(results[6].errors?.map(\.message) == ["stands in line 2 too"])
      #expect(record.total == 11 && record.created == 1 && record.updated == 2 && record.failed == 8)
      #expect(record.unchanged == 0 && record.finishedAt != nil)
      #expect(record.created + record.updated + record.unchanged + record.failed == record.total)
      let now = try await shop.get(old.id).value
      #expect(now.title == "Changed twice" && now.tags == ["keep"] && now.variants == old.variants)
      #expect(now.externalID == "E7")
      let made = try #require(results[1].productID)
      #expect(try await shop.get(made).value.variants.map(\.sku) == ["N1"])
      #expect(try await self.results(shop, record.id, "outcome=failed&limit=2").map(\.line) == [4, 5])
      // The same once more changes nothing.
      let again = try await done(
        shop, #"{"external_id":"E2","title":"New","variants":[{"sku":"N1","price":{"amount":5,"currency":"USD"}}]}"#)
      #expect(again.1.map(\.outcome) == [.known(.unchanged)] && again.0.unchanged == 1)
    }
  }

  @Test("a dry run tells the same and changes nothing", arguments: Engine.available)
  func dryRun(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let old = try await shop.shirt("OLD", title: "Old", more: ["external_id": "E1"])
      let before = try await shop.footprint()
      let file = """
        {"external_id":"E1","title":"Changed","slug":"changed","variants":[{"sku":"X"}]}
        {"external_id":"E2","title":"New","variants":[{"sku":"N1","price":{"amount":5,"currency":"USD"}}]}
        {"external_id":"E3","title":"Taken","variants":[{"sku":"OLD"}]}
        {"external_id":"E1","title":"Changed"}
        """
      let (record, results) = try await done(shop, file, dryRun: true)
      #expect(record.dryRun)
      #expect(results.map(\.outcome.rawValue) == ["updated", "created", "failed", "failed"])
      #expect(results[0].productID == old.id && results[1].productID == nil)
      #expect(try await shop.footprint() == before)
      #expect(try await shop.get(old.id).value == old)
      let real = try await done(shop, file).1
      #expect(real.map(\.outcome.rawValue) == ["updated", "created", "created", "failed"], "OLD is free by then")
    }
  }

  @Test("CSV has a line for each variant; amounts are exact in every currency", arguments: Engine.available)
  func csv(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let file = #"""
        \#u{FEFF}external_id,title,status,tags,sku,option1_name,option1_value,price:USD,compare_at:USD,price:JPY,price:KWD,requires_shipping\#r
        C1,"Shirt, ""fine""",published,a; b,C1-S,Size,S,12.99,15,1300,1.005,\#r
        C1,,,,C1-M,Size,M,13.5,,1400,,false\#r
        C2,"Two
        lines",draft,,C2,,,0,,,,\#r
        C3,Bad,sold,,C3,,,1.999,,1.5,x,maybe\#r
        C4,Mixed,,,C4,,,,,,,\#r
        C4,Other,,,C4-2,,,,,,,\#r
        """#
      let (record, results) = try await done(shop, file, as: "text/csv; charset=utf-8")
      #expect(results.map(\.line) == [2, 4, 6, 7] && record.total == 4)
      #expect(results.map(\.outcome.rawValue) == ["created", "failed", "failed", "failed"], "\(results)")
      #expect(results[1].errors?.map(\.field) == ["title"], "a title has no line ends")
      #expect(
        results[2].errors?.map(\.field) == [
          "status", "variants.0.price:USD", "variants.0.price:JPY", "variants.0.price:KWD",
          "variants.0.requires_shipping",
        ])
      #expect(results[3].errors?.map(\.field) == ["title"])
      let shirt = try await shop.get(try #require(results[0].productID)).value
      #expect(shirt.title == "Shirt, \"fine\"" && shirt.tags == ["a", "b"])
      #expect(shirt.variants.map(\.title) == ["S", "M"] && shirt.variants.map(\.requiresShipping) == [true, false])
      #expect(shirt.variants[0].prices.map(\.amount) == [1299, 1300, 1005])
      #expect(shirt.variants[0].prices[0].compareAt?.amount == 1500)
      #expect(shirt.variants[1].prices.map(\.amount) == [1350, 1400])
      // An empty cell leaves what is there, and lines without a SKU leave the variants.
      let second = try await done(shop, "external_id,title,tags\nC1,Trousers,", as: "text/csv").1
      #expect(second.map(\.outcome) == [.known(.updated)])
      let trousers = try await shop.get(shirt.id).value
      #expect(trousers.title == "Trousers" && trousers.tags == ["a", "b"] && trousers.variants == shirt.variants)
    }
  }

  @Test("a file that cannot be taken is refused at once", arguments: Engine.available)
  func refused(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      func refusal(_ text: String, _ type: String = "text/csv") async throws -> String {
        let reply = try await upload(shop, text, as: type)
        return "\(reply.status) \(reply.code ?? "")"
      }
      #expect(try await refusal("") == "422 empty_file")
      #expect(try await refusal("\n \n", "application/x-ndjson") == "422 empty_file")
      #expect(try await refusal("title\nx") == "422 invalid", "no key")
      #expect(try await refusal("external_id,color\nx,y") == "422 invalid")
      #expect(try await refusal("external_id,external_id\nx,y") == "422 invalid")
      #expect(try await refusal("external_id,price:XXX\nx,1") == "422 invalid")
      #expect(try await refusal("external_id,title\n\"x,y") == "400 malformed_csv")
      #expect(try await refusal("external_id,title\nx\"y\",z") == "400 malformed_csv")
      #expect(try await refusal("{}", "application/json") == "415 unsupported_media_type")
      let many = String(repeating: "{}\n", count: 10_001)
      #expect(try await refusal(many, "application/x-ndjson") == "413 too_many_lines")
      #expect(try await refusal("external_id\n" + String(repeating: "x\n", count: 10_001)) == "413 too_many_lines")
      #expect(try await refusal(String(repeating: "x", count: 8 << 20 | 1)) == "413 content_too_large")
      let latin = try await shop.client.execute(
        uri: "/api/v1/products/imports", method: .post,
        headers: [.authorization: "Bearer \(FakeVerifier.writer)", .contentType: "text/csv"],
        body: ByteBuffer(bytes: [0x65, 0xE9, 0x0A]))
      #expect(latin.status.code == 400)
      #expect(try await shop.send(ProductAPI.imports).value.items.isEmpty)
      let unknown = "/api/v1/products/imports/\(UUID().lowercased)"
      #expect(try await shop.send(ProductAPI.productImport, unknown).status == 404)
      #expect(try await shop.send(ProductAPI.importResults, "\(unknown)/results").status == 404)
      #expect(try await shop.send(ProductAPI.cancelImport, "\(unknown)/cancel", ["": ""]).status == 404)
    }
  }

  @Test("an import waits for its turn, is made once for a key, and can be canceled", arguments: Engine.available)
  func queue(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let line = #"{"external_id":"E","title":"T"}"#
      let key = ["Idempotency-Key": "i1"]
      let first = try await upload(shop, line, headers: key)
      #expect(try first.value.state == .known(.waiting) && first.value.total == 1)
      #expect(try await upload(shop, line, headers: key).value.id == first.value.id)
      #expect(try await upload(shop, line + "\n" + line, headers: key).status == 422)
      for _ in 1..<10 { #expect(try await upload(shop, line).status == 202) }
      let over = try await upload(shop, line)
      #expect(over.status == 409 && over.code == "too_many_imports" && over.headers[.retryAfter] == "10")
      let list = try await shop.send(ProductAPI.imports).value.items
      let oldest = try first.value.id
      #expect(list.count == 10 && list.last?.id == oldest)
      let cancel = "/api/v1/products/imports/\(try first.value.id.lowercased)/cancel"
      #expect(try await shop.send(ProductAPI.cancelImport, cancel, [:]).value.state == .known(.canceled))
      #expect(try await upload(shop, line).status == 202, "there is room again")
      try await shop.whileTasksRun {
        try await eventually("the others end") {
          try await shop.send(ProductAPI.imports).value.items.filter { $0.state == .known(.done) }.count == 10
        }
      }
      #expect(try await find(shop, first.value.id).state == .known(.canceled))
      #expect(try await shop.titles(token: FakeVerifier.reader) == ["T"])
      shop.clock.advance(31 * 86_400)
      var deleted = 0
      while try await shop.service.imports.deleteOneExpired() { deleted += 1 }
      #expect(deleted == 11)
      #expect(try await shop.send(ProductAPI.imports).value.items.isEmpty)
    }
  }

  /// A worker that is gone after some products leaves an import that another goes on with: no product is made twice,
  /// and every line has one result.
  @Test("an import that is interrupted goes on where it was", arguments: Engine.available)
  func resumed(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let lines = (0..<60).map { #"{"external_id":"E\#($0)","title":"T\#($0)","variants":[{"sku":"S\#($0)"}]}"# }
      let id = try await upload(shop, lines.joined(separator: "\n")).value.id
      // Cancelled in the middle, which gives the task back.
      try await shop.whileTasksRun {
        try await eventually("some are done") { try await find(shop, id).created >= 5 }
      }
      let middle = try await find(shop, id)
      try await shop.whileTasksRun {
        try await eventually("the rest is done") { try await find(shop, id).state == .known(.done) }
      }
      #expect(middle.created >= 5)
      let end = try await find(shop, id)
      #expect(end.created == 60 && end.failed == 0 && end.updated == 0 && end.unchanged == 0, "\(end)")
      #expect(try await results(shop, id).count == 60)
      let count = try await shop.database.rows("SELECT count(*) FROM products").first?.get(0, as: Int.self)
      #expect(count == 60)
      #expect(try await shop.events().filter { $0 == "product.created.v1" }.count == 60)
    }
  }

  @Test("what is exported can be imported, as NDJSON and as CSV, and is read page by page", arguments: Engine.available)
  func export(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      for number in 0..<5 {
        let price: [String: Any] = ["amount": 1200 + number, "currency": number == 2 ? "KWD" : "USD"]
        let reply = try await shop.create([
          "title": "T,\"\(number)\"", "external_id": "E\(number)", "tags": ["a b", "c"], "status": "published",
          "description": "one\ntwo",
          "variants": ["S", "M"].map { ["sku": "\($0)\(number)", "options": ["Size": $0], "price": price] },
        ])
        try #require(reply.status == 201, "\(reply.text)")
      }
      let before = try await shop.list("limit=100").value.items
      for (path, type) in [("export.ndjson", "application/x-ndjson"), ("export.csv", "text/csv")] {
        var (file, next, pages): (String, String?, Int) = ("", "/api/v1/products/\(path)?limit=2", 0)
        while let page = next {
          let reply = try await shop.send(ProductAPI.exportNDJSON, page, token: FakeVerifier.reader)
          try #require(reply.status == 200, "\(reply.text)")
          #expect(reply.headers[.contentType] == type)
          file += reply.text
          let link = reply.headers[HTTPField.Name("Link")!]
          next = link.flatMap { $0.split(separator: ">").first }.map { String($0.dropFirst()) }
          if link != nil { #expect(link?.hasSuffix(">; rel=\"next\"") == true) }
          pages += 1
        }
        #expect(pages == 3)
        let (record, results) = try await done(shop, file, as: type)
        #expect(record.total == 5 && record.unchanged == 5, "\(file)\n\(results)")
        #expect(try await shop.list("limit=100").value.items == before)
      }
      let all = try await shop.send(ProductAPI.exportCSV, token: FakeVerifier.reader)
      #expect(all.text.split(separator: "\r\n").count == 11)
      #expect(try await shop.send(ProductAPI.exportCSV, token: FakeVerifier.customer).status == 403)
      let wrong = try await shop.send(ProductAPI.exportCSV, "/api/v1/products/export.csv?limit=1001")
      #expect(wrong.fields == ["limit"])
    }
  }
}

@Suite struct FileFormatTests {
  @Test("CSV is read as RFC 4180 says, and what is written is read")
  func csv() throws {
    let records = try CSV.parse("a,\"b\r\nb\",c\r\n\r\n,\"\",\"\"\"\"\nlast", limit: 10)
    #expect(records.map(\.fields) == [["a", "b\r\nb", "c"], ["", "", "\""], ["last"]])
    #expect(records.map(\.line) == [1, 4, 5])
    #expect(throws: CSV.Malformed(line: 1, reason: "a quote is not closed")) { try CSV.parse("\"a", limit: 9) }
    #expect(throws: CSV.Malformed.self) { try CSV.parse("a\"b", limit: 9) }
    #expect(throws: CSV.Malformed.self) { try CSV.parse("\"a\"b", limit: 9) }
    #expect(try CSV.parse("a\nb\nc", limit: 2).count == 2)
    var random = SeededGenerator(5)
    let alphabet = Array("ab,\"\n\r é")
    for _ in 0..<2_000 {
      let fields = (0...Int.random(in: 0...4, using: &random)).map { _ in
        String((0..<Int.random(in: 1...6, using: &random)).map { _ in alphabet.randomElement(using: &random)! })
      }
      #expect(try CSV.parse(CSV.line(fields) + "x", limit: 9).first?.fields == fields)
    }
  }

  @Test("amounts are read and written without a float between")
  func amounts() throws {
    let (usd, jpy, kwd, clf) = (Currency("USD")!, Currency("JPY")!, Currency("KWD")!, Currency("CLF")!)
    for (text, currency, amount) in [
      ("0", usd, 0), ("12.99", usd, 1299), ("12.9", usd, 1290), ("12", usd, 1200), ("0.07", usd, 7),
      ("1300", jpy, 1300),
      ("1.005", kwd, 1005), ("0.0001", clf, 1), ("90071992547409.91", usd, 9_007_199_254_740_991),
    ] as [(String, Currency, Int64)] {
      #expect(DecimalMoney.minorUnits(text, currency) == amount, "\(text) \(currency)")
    }
    for (text, currency) in [
      ("", usd), (".", usd), (".5", usd), ("5.", usd), ("1.999", usd), ("1.5", jpy), ("1,5", usd), ("-1", usd),
      ("+1", usd), ("1e3", usd), ("1 000", usd), ("٣", usd), ("90071992547409.92", usd), ("99999999999999999999", usd),
    ] { #expect(DecimalMoney.minorUnits(text, currency) == nil, "\(text)") }
    for amount in [0, 1, 99, 100, 1299, Money.greatest] as [Int64] {
      for currency in [usd, jpy, kwd, clf] {
        #expect(DecimalMoney.minorUnits(DecimalMoney.text(amount, currency), currency) == amount)
      }
    }
  }
}
