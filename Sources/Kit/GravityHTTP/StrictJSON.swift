public import Foundation
import GravityContracts

/// JSON as bodies are read, for what comes in another way: a line of a file.
public enum StrictJSON {
  /// - Throws: `Problem` 400 with the position of malformed JSON, 422 with the field that is not valid.
  public static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
    do {
      try data.withUnsafeBytes { try JSONScan.check($0) }
    } catch let error as JSONScan.Fault {
      throw Problem(
        400, "malformed_json", "The text is not JSON that is taken here",
        detail: "Line \(error.line), column \(error.column): \(error.reason).")
    }
    do {
      return try decoder.decode(type, from: data)
    } catch let error as DecodingError {
      throw Problem(decoding: error)
    }
  }

  private static let decoder = WireFormat.makeDecoder()
}
