public import Foundation
import GravityContracts
import HTTPTypes
import Hummingbird
import NIOCore
import NIOFoundationCompat

/// A reply that is no JSON and nowhere in memory as a whole: an archive, a long table.
public struct ContentStream: Sendable {
  /// Gives the pieces one after the other to what it is lent; each waits until the client has taken the ones before,
  /// for as long as ``Routes/Settings/patience`` allows. Then writing throws.
  public typealias Pieces = @Sendable (_ write: (Data) async throws -> Void) async throws -> Void

  let size: Int
  let fileName: String?
  let pieces: Pieces

  /// - Parameters:
  ///   - size: Bytes of all pieces together; a client that gets fewer knows that something is missing.
  ///   - fileName: letters, digits, `.`, `-` and `_`.
  public init(size: Int, fileName: String? = nil, pieces: @escaping Pieces) {
    self.size = size
    self.fileName = fileName
    self.pieces = pieces
  }

  func response(
    _ endpoint: Endpoint<some Codable & Sendable, Content>, _ deadline: ReadingDeadline
  ) -> Hummingbird.Response {
    // What users wrote is not to be taken for a page.
    var headers: HTTPFields = [.contentType: endpoint.produces, .xContentTypeOptions: "nosniff"]
    if let fileName { headers[.contentDisposition] = "attachment; filename=\"\(fileName)\"" }
    let pieces = pieces
    return Hummingbird.Response(
      status: .init(code: endpoint.success), headers: headers,
      body: ResponseBody(contentLength: size) { writer in
        try await pieces { piece in
          try await deadline.write(ByteBuffer(data: piece)) { try await writer.write($0) }
        }
        try await deadline.run { try await writer.finish(nil) }
      })
  }
}
