import Foundation
import GravityContracts
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing

/// A reply that is no text.
struct Download: Sendable {
  let status: Int
  let headers: HTTPFields
  let bytes: Data
  var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension UserFixture {
  /// - Parameter form: As `application/x-www-form-urlencoded`.
  func download<Request>(
    _ endpoint: Endpoint<Request, Content>, _ path: String? = nil, form: String? = nil, token: String? = nil
  ) async throws -> Download {
    var headers: HTTPFields = [:]
    if let token { headers[.authorization] = "Bearer \(token)" }
    if form != nil { headers[.contentType] = "application/x-www-form-urlencoded" }
    let response = try await client.execute(
      uri: path ?? endpoint.path, method: .init(rawValue: endpoint.method.rawValue)!, headers: headers,
      body: form.map { ByteBuffer(string: $0) })
    return Download(
      status: response.status.code, headers: response.headers, bytes: Data(response.body.readableBytesView))
  }
}

/// Archives as a program reads them that knows nothing of ours: Python's `zipfile`, which checks every sum.
enum Unzipped {
  /// Texts by name.
  static func files(_ archive: Data) throws -> [String: String] {
    let file = FileManager.default.temporaryDirectory.appending(path: "export-\(UUID().uuidString).zip")
    try archive.write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [
      "python3", "-c",
      """
      import json, sys, zipfile
      with zipfile.ZipFile(sys.argv[1]) as archive:
          assert archive.testzip() is None
          print(json.dumps({name: archive.read(name).decode() for name in archive.namelist()}))
      """, file.path,
    ]
    let out = Pipe()
    process.standardOutput = out
    try process.run()
    let printed = try #require(try out.fileHandleForReading.readToEnd())
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return try JSONDecoder().decode([String: String].self, from: printed)
  }

  /// What is in a service's file.
  static func items(_ file: String?) throws -> [[String: Any]] {
    let object = try JSONSerialization.jsonObject(with: Data(try #require(file).utf8)) as? [String: Any]
    return try #require(object?["items"] as? [[String: Any]])
  }
}
