import AuthServer
import Foundation
import GravityContracts
import GravityDiscovery
import GravityIdentity
import GravityService
import Logging
import NIOPosix
import NotificationServer
import OpenIDEngine
import OutgoingHTTPEngine

/// OpenID providers that people may sign in with, as an operator writes them down: a JSON array, or a file with one.
///
///     [{"name": "google", "display_name": "Google", "issuer": "https://accounts.google.com",
///       "client_id": "…", "client_secret": "…"}]
struct SignInProviders: Sendable {
  private static let greatestSize = 256 << 10

  /// One of them.
  struct Entry: Sendable, Hashable {
    var name: String
    var displayName: String
    var issuer: String
    var client: OpenIDProvider.Client
    /// Whether it may be at a private address, and on loopback at one without TLS.
    var isPrivate = false
    /// What stands for `{tenantid}` of the issuer where the provider tells of itself.
    var tenants = "common"
    /// Whether the browser comes back with a form instead of a query.
    var answersByForm = false
  }

  let entries: [Entry]

  /// - Throws: `StartFailure` that says which entry is wrong and how; it shows no secret.
  init(_ text: String) throws {
    let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
    let document = trimmed.hasPrefix("[") ? Data(trimmed.utf8) : try Self.file(trimmed)
    let values: [JSONValue]
    do { values = try JSONDecoder().decode([JSONValue].self, from: document) } catch {
      throw Self.failure("must be a JSON array of providers, or the name of a file with one")
    }
    entries = try values.enumerated().map { try Self.entry($0.element, "the entry \($0.offset + 1)") }
  }

  private static func file(_ path: String) throws -> Data {
    let handle: FileHandle
    do { handle = try FileHandle(forReadingFrom: URL(filePath: path)) } catch {
      throw failure("the file \(path) cannot be read: \(error.localizedDescription)")
    }
    defer { try? handle.close() }
    let data = try handle.read(upToCount: greatestSize + 1) ?? Data()
    guard data.count <= greatestSize else { throw failure("the file \(path) is larger than 256 KiB") }
    return data
  }

  private static func entry(_ value: JSONValue, _ place: String) throws -> Entry {
    guard case .object(let members) = value else { throw failure("\(place) must be an object") }
    let known: Set = [
      "name", "display_name", "issuer", "tenants", "client_id", "client_secret", "scopes", "response_mode", "private",
    ]
    if let unknown = members.keys.sorted().first(where: { !known.contains($0) }) {
      throw failure("\(place) has \(unknown), which is not known; there are \(known.sorted().joined(separator: ", "))")
    }
    func text(_ name: String) throws -> String? {
      switch members[name] {
      case nil: return nil
      case .string(let text) where !text.isEmpty: return text
      default: throw failure("\(place): \(name) must be a text that is not empty")
      }
    }
    func needed(_ name: String) throws -> String {
      guard let text = try text(name) else { throw failure("\(place): \(name) is missing") }
      return text
    }
    let name = try needed("name")
    var client = OpenIDProvider.Client(id: try needed("client_id"), secret: try text("client_secret"))
    switch members["scopes"] {
    case nil: break
    case .array(let scopes):
      client.scopes = try scopes.map {
        guard case .string(let scope) = $0 else { throw failure("\(place): scopes must be an array of texts") }
        return scope
      }
    default: throw failure("\(place): scopes must be an array of texts")
    }
    var entry = Entry(
      name: name, displayName: try text("display_name") ?? name, issuer: try needed("issuer"), client: client)
    switch try text("tenants") {
    case nil: break
    case let tenants? where ["common", "organizations"].contains(tenants): entry.tenants = tenants
    default: throw failure("\(place): tenants must be common or organizations")
    }
    switch try text("response_mode") {
    case nil, "query": break
    case "form_post": entry.answersByForm = true
    default: throw failure("\(place): response_mode must be query or form_post")
    }
    switch members["private"] {
    case nil: break
    case .bool(let isPrivate): entry.isPrivate = isPrivate
    default: throw failure("\(place): private must be true or false")
    }
    return entry
  }

  /// Ready to be asked; nothing is asked of them yet.
  func providers(logger: Logger) throws -> [FederatedProvider] {
    try entries.enumerated().map { index, entry in
      let place = "the entry \(index + 1)"
      let client = OutgoingClient(
        policy: AddressPolicy(allowsPrivate: entry.isPrivate), group: MultiThreadedEventLoopGroup.singleton)
      var logger = logger
      logger[metadataKey: "provider.name"] = "\(entry.name)"
      do {
        return try FederatedProvider(
          name: entry.name, displayName: entry.displayName,
          source: try OpenIDProvider(
            issuer: entry.issuer, tenants: entry.tenants, client: entry.client, allowsPlain: entry.isPrivate,
            answersByForm: entry.answersByForm, logger: logger, send: client.transport))
      } catch let error as OpenIDError {
        throw Self.failure("\(place): \(error.description)")
      } catch let error as AuthConfigurationError {
        throw Self.failure("\(place): \(error.description)")
      }
    }
  }

  private static func failure(_ what: String) -> StartFailure {
    StartFailure(.configuration, "\(Settings.signInProviders.environmentName): \(what)")
  }
}

extension OutgoingClient {
  /// What a provider is asked by.
  var transport: OpenIDTransport {
    { exchange throws(OpenIDError) in
      let request = OutgoingRequest(
        url: exchange.url, headers: exchange.headers, body: Array((exchange.form ?? "").utf8), timeout: exchange.timeout
      )
      switch await send(request, exchange.form == nil ? .get : .post, greatestBody: exchange.greatestAnswer) {
      case .reply(let status, let body): return (status, Data(body))
      case .failed(let reason): throw OpenIDError("\(exchange.url.host() ?? "the provider"): \(reason)")
      }
    }
  }
}
