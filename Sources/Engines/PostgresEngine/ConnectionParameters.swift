import CPQ
import Foundation
import GravityData

/// Where and how to connect, as libpq has parsed it.
struct ConnectionParameters: Sendable {
  private(set) var options: [String: String]

  /// - Parameters:
  ///   - url: `postgres://…` or `key=value …`; what it leaves open comes from libpq's environment (`PGHOST` …).
  ///   - database: instead of the one in the URL.
  /// - Throws: `unavailable` for what libpq cannot parse. Never repeats the URL, which may hold a password.
  init(_ url: String, database: String? = nil) throws(DatabaseError) {
    var complaint: UnsafeMutablePointer<CChar>?
    guard let parsed = PQconninfoParse(url, &complaint) else {
      PQfreemem(complaint)
      throw DatabaseError(.unavailable, "the PostgreSQL URL cannot be parsed")
    }
    defer { PQconninfoFree(parsed) }
    options = [:]
    var option = parsed
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val { options[String(cString: keyword)] = String(cString: value) }
      option += 1
    }
    if let database { options["dbname"] = database }
    options["client_encoding"] = "UTF8"
    if options["application_name"] == nil { options["fallback_application_name"] = "gravity" }
  }

  var database: String { options["dbname"] ?? options["user"] ?? "default" }

  /// Begins to connect. Resolving a name blocks the calling thread.
  func start() -> OpaquePointer? {
    var keywords: [UnsafeMutablePointer<CChar>?] = []
    var values: [UnsafeMutablePointer<CChar>?] = []
    for (keyword, value) in options {
      keywords.append(strdup(keyword))
      values.append(strdup(value))
    }
    defer { for text in keywords + values { free(text) } }
    return (keywords.map { $0.map { UnsafePointer($0) } } + [nil]).withUnsafeBufferPointer { keywords in
      (values.map { $0.map { UnsafePointer($0) } } + [nil]).withUnsafeBufferPointer { values in
        PQconnectStartParams(keywords.baseAddress!, values.baseAddress!, 0)
      }
    }
  }
}
