import Console
import Foundation
import GravityHTTP
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore

enum ConsoleFixture {
  /// The folder that the console's files are written in.
  static let source = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "../../Sources/Console/Files"
  )
  .standardizedFileURL

  /// Beneath `Files`, sorted: `assets/main.js`, …, `index.html`.
  static func paths() throws -> [String] {
    let base = source.path + "/"
    guard let all = FileManager.default.enumerator(at: source, includingPropertiesForKeys: [.isRegularFileKey]) else {
      throw CocoaError(.fileNoSuchFile)
    }
    return try all.compactMap { $0 as? URL }
      .filter { try $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true }
      .map { String($0.standardizedFileURL.path.dropFirst(base.count)) }.sorted()
  }

  static func text(_ path: String) throws -> String {
    try String(contentsOf: source.appending(path: path), encoding: .utf8)
  }

  static func send(
    _ path: String, _ method: HTTPRequest.Method = .get, headers: HTTPFields = [:]
  ) async throws -> TestResponse {
    try await Application(responder: ConsoleResponder()).test(.router) { client in
      try await client.execute(uri: path, method: method, headers: headers)
    }
  }
}

extension TestResponse {
  var bytes: Data { Data(body.readableBytesView) }
}
