import Foundation
import GravityContracts
public import GravityHTTP
import HTTPTypes
public import Hummingbird
import NIOCore

/// Answers for the web console: its files, and its one page at every other address beneath `/console`, since what a page
/// shows follows from the address in the browser.
///
/// Nothing here is secret or anybody's own: what the pages show they get from the API with the reader's token.
public struct ConsoleResponder: HTTPResponder {
  public typealias Context = RequestScope

  private let files: [String: ConsoleFile]

  public init() { files = ConsoleFile.all }

  public func respond(to request: Request, context: RequestScope) async throws -> Response {
    guard request.method == .get || request.method == .head else {
      return Self.problem(
        Problem(405, "method_not_allowed", "\(request.method) is not served here", detail: "Allowed: GET, HEAD."),
        [.allow: "GET, HEAD"])
    }
    let path = request.uri.path
    if path == "/" { return Self.redirect(to: ConsoleAPI.root) }
    guard let name = Self.fileName(path), let file = files[name] else {
      return Self.problem(Problem(404, "not_found", "There is nothing at this address"))
    }
    let response = Self.answer(file, ifNoneMatch: request.headers[values: .ifNoneMatch].joined(separator: ","))
    return request.method == .head ? response.createHeadResponse() : response
  }

  /// - Returns: nil for what is not beneath `/console`.
  private static func fileName(_ path: String) -> String? {
    guard path.hasPrefix(ConsoleAPI.root) else { return path + "/" == ConsoleAPI.root ? "index.html" : nil }
    let name = String(path.dropFirst(ConsoleAPI.root.count))
    return name == "assets" || name.hasPrefix("assets/") ? name : "index.html"
  }

  private static func answer(_ file: ConsoleFile, ifNoneMatch: String) -> Response {
    var headers = file.path == mailFrame ? mailProtection : protection
    headers[.eTag] = file.entityTag
    // Kept, and asked for each time: after an upgrade nobody has half of the old console and half of the new one.
    headers[.cacheControl] = "no-cache"
    if file.isNamed(in: ifNoneMatch) { return Response(status: .notModified, headers: headers) }
    headers[.contentType] = file.contentType
    return Response(status: .ok, headers: headers, body: .init(byteBuffer: file.bytes))
  }

  private static func redirect(to path: String) -> Response {
    Response(status: .found, headers: [.location: path, .cacheControl: "no-cache"])
  }

  private static func problem(_ problem: Problem, _ more: HTTPFields = [:]) -> Response {
    var headers = protection
    headers.append(contentsOf: more)
    headers[.contentType] = "application/problem+json"
    headers[.cacheControl] = "no-store"
    // A problem holds only what can be encoded.
    let body = (try? JSONEncoder().encode(problem)) ?? Data()
    return Response(status: .init(code: problem.status), headers: headers, body: .init(byteBuffer: .init(bytes: body)))
  }

  /// Only what comes from here runs and is drawn, nothing inline; no other page frames this one, and none learns from
  /// where a link was followed. Trusted Types: text never becomes markup.
  static let protection: HTTPFields = [
    .contentSecurityPolicy:
      "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; "
      + "require-trusted-types-for 'script'; trusted-types 'none'",
    .xContentTypeOptions: "nosniff",
    .referrerPolicy: "no-referrer",
    .xFrameOptions: "DENY",
    .crossOriginOpenerPolicy: "same-origin",
    .crossOriginResourcePolicy: "same-origin",
    .permissionsPolicy: "camera=(), geolocation=(), microphone=(), payment=()",
  ]

  /// The empty page in which the console shows a mail's HTML.
  static let mailFrame = "assets/mail-frame.html"

  /// What is put into it was written by others: nothing runs, nothing is loaded, nothing leads away, also where the page
  /// is opened by itself. Only styles in the mail are drawn, and pictures that are in it. The console, which fills and
  /// measures it, is the only one to frame it.
  static let mailProtection: HTTPFields = {
    var fields = protection
    fields[.contentSecurityPolicy] =
      "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
      + "frame-ancestors 'self'; sandbox allow-same-origin"
    fields[.xFrameOptions] = "SAMEORIGIN"
    return fields
  }()
}

extension HTTPField.Name {
  fileprivate static let referrerPolicy = Self("referrer-policy")!
  fileprivate static let xFrameOptions = Self("x-frame-options")!
  fileprivate static let crossOriginOpenerPolicy = Self("cross-origin-opener-policy")!
  fileprivate static let permissionsPolicy = Self("permissions-policy")!
}
