public import Foundation
public import GravityContracts
public import GravityData
public import GravityIdentity
import HTTPTypes
public import Hummingbird
import NIOCore
import Synchronization

/// What a handler may know of a request apart from its fields: who calls, until when, under which id.
public struct RequestScope: RequestContext {
  public var coreContext: CoreRequestContextStorage
  /// The id under which the request is logged; the reply carries it as `X-Request-Id`.
  public internal(set) var requestID = ""
  /// Who sent the request, as far as trusted proxies tell.
  public internal(set) var clientAddress = ""
  public internal(set) var userAgent: String?
  /// The caller where a token was given and is good; also on public endpoints.
  public internal(set) var optionalPrincipal: Principal?
  /// The client's key in its scope, where the endpoint takes one and it was sent.
  public internal(set) var idempotencyKey: IdempotencyKey?
  public internal(set) var ifMatch: IfMatch?
  /// The body of an endpoint that takes content.
  public internal(set) var content: RequestContent?
  /// How long the client would rather wait for a settled answer than get one at once (`Prefer: wait`, RFC 7240 §4.3);
  /// at most ``Routes/greatestWait``.
  public internal(set) var preferredWait: Duration?
  /// When whoever asked stops waiting.
  public internal(set) var deadline: ContinuousClock.Instant
  /// What goes into the reply apart from its body.
  public let reply = Reply()
  let peerAddress: String
  var headers = HTTPFields()
  let eventLoopDeadline: EventLoopDeadline
  private let channel: any Channel

  public init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    peerAddress = source.channel.remoteAddress?.ipAddress ?? "unix"
    eventLoopDeadline = EventLoopDeadline(eventLoop: source.channel.eventLoop)
    channel = source.channel
    deadline = .now + Routes.standardDeadline
  }

  /// The caller, already authenticated and permitted as the endpoint's access says.
  /// - Throws: 401 on a public endpoint that was called without a token.
  public var principal: Principal {
    get throws {
      guard let optionalPrincipal else { throw Problem.unauthenticated() }
      return optionalPrincipal
    }
  }

  func readingDeadline(_ settings: Routes.Settings) -> ReadingDeadline {
    ReadingDeadline(channel: channel, limit: settings.patience)
  }

  /// The first header field of that name, for what a standard puts there: credentials of a client, cookies.
  public func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[values: $0].first } }

  /// Compares `If-Match`, if it was sent, with the resource as it is.
  /// - Throws: 412 when the resource has moved on.
  public func require(_ current: EntityTag) throws {
    guard let ifMatch, !ifMatch.matches(current) else { return }
    throw Problem(
      412, "precondition_failed", "The resource has changed",
      detail: "It is now \(current). Get it again, apply your change to that and send its ETag as If-Match.")
  }
}

/// A body as it came.
public struct RequestContent: Sendable {
  /// The media type without parameters, in lower case.
  public let type: String
  public let bytes: Data
  let headers: HTTPFields

  /// What a foreign protocol puts beside its bytes, such as a signature over them: the first field of that name.
  public func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[values: $0].first } }
}

/// What goes into a reply apart from its body.
public final class Reply: Sendable {
  struct Fields {
    var status: Int?
    var headers: [(name: String, value: String)] = []
    var errors = ErrorFormat.problem
  }
  private let fields = Mutex(Fields())

  /// Another status than the declared one, of those that the endpoint documents. A page that says what is wrong has
  /// the status of that.
  public func setStatus(_ status: Int) { fields.withLock { $0.status = status } }

  public func setHeader(_ name: String, _ value: String) {
    fields.withLock { fields in
      fields.headers.removeAll { $0.name.lowercased() == name.lowercased() }
      fields.headers.append((name, value))
    }
  }

  func answersErrors(in format: ErrorFormat) { fields.withLock { $0.errors = format } }

  var current: Fields { fields.withLock { $0 } }
}

extension RequestScope {
  /// Says in the reply whether the result was stored by an earlier request under the same `Idempotency-Key`.
  public func unwrap<Value>(_ once: Once<Value>) -> Value {
    if once.isReplay { reply.setHeader("Idempotency-Replayed", "true") }
    return once.value
  }
}
