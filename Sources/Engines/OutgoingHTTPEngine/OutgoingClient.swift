import Foundation
public import GravityContracts
public import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
public import NotificationServer

/// Sends requests to addresses that others gave us, over HTTP/1.1, a connection for each.
///
/// A name is looked up here, and the connection goes to one of the addresses that the policy allows and to no other: a
/// name that means something else a moment later (DNS rebinding) changes nothing. Redirects are not followed, proxies
/// of the environment not used.
public struct OutgoingClient: OutgoingHTTP {
  /// Bytes of an answer's body that are read unless more are asked for.
  public static let greatestBody = 16 << 10
  /// Addresses of one name that are tried.
  private static let greatestTries = 3

  private let policy: AddressPolicy
  private let authorities: String?
  private let group: any EventLoopGroup
  private let resolve: @Sendable (String, Int) async throws(OutgoingFailure) -> [SocketAddress]

  /// - Parameters:
  ///   - policy: Which addresses may be connected to.
  ///   - authorities: A file of certificates in PEM, instead of the system's.
  public init(policy: AddressPolicy, authorities: String? = nil, group: any EventLoopGroup) {
    self.init(policy: policy, authorities: authorities, group: group, resolve: NameLookup.addresses)
  }

  init(
    policy: AddressPolicy, authorities: String? = nil, group: any EventLoopGroup,
    resolve: @escaping @Sendable (String, Int) async throws(OutgoingFailure) -> [SocketAddress]
  ) {
    self.policy = policy
    self.authorities = authorities
    self.group = group
    self.resolve = resolve
  }

  public func post(_ request: OutgoingRequest) async -> OutgoingAnswer { await send(request, .post) }

  /// One request, one answer.
  /// - Parameter greatestBody: Bytes of the answer's body that are read; what is beyond is cut off.
  public func send(
    _ request: OutgoingRequest, _ method: GravityContracts.Method, greatestBody: Int = Self.greatestBody
  ) async -> OutgoingAnswer {
    do throws(OutgoingFailure) {
      let target = try OutgoingTarget(request.url)
      let deadline = NIODeadline.now() + TimeAmount(request.timeout)
      let addresses = try await allowed(target, deadline)
      var failure = OutgoingFailure("no address could be connected to")
      for address in addresses.prefix(Self.greatestTries) where NIODeadline.now() < deadline {
        let channel: OutgoingChannel
        do throws(OutgoingFailure) { channel = try await connect(target, address, deadline, greatestBody) } catch {
          failure = error
          continue
        }
        return try await channel.exchange(request, method, target, deadline)
      }
      throw failure
    } catch { return .failed(error.description) }
  }

  // MARK: Where to

  private func allowed(
    _ target: OutgoingTarget, _ deadline: NIODeadline
  ) async throws(OutgoingFailure) -> [SocketAddress] {
    let found = try await lookUp(target, deadline)
    let addresses = found.filter { Self.plain($0).map(policy.allows) == true }
    guard !addresses.isEmpty else {
      throw OutgoingFailure(
        found.isEmpty
          ? "\(target.host) has no address"
          : "\(target.host) is a private, local or reserved address, to which nothing is sent")
    }
    return addresses
  }

  /// Ends at the deadline, however long the resolver goes on.
  private func lookUp(
    _ target: OutgoingTarget, _ deadline: NIODeadline
  ) async throws(OutgoingFailure) -> [SocketAddress] {
    let loop = group.next()
    let found = loop.makePromise(of: [SocketAddress].self)
    let lookup = Task { [resolve] in
      do throws(OutgoingFailure) { found.succeed(try await resolve(target.host, target.port)) } catch {
        found.fail(error)
      }
    }
    let end = loop.scheduleTask(deadline: deadline) {
      found.fail(OutgoingFailure("\(target.host) was not looked up in time"))
      lookup.cancel()
    }
    defer { end.cancel() }
    do { return try await found.futureResult.get() } catch { throw OutgoingFailure(error) }
  }

  /// Of a socket's address the address alone; nil for what is neither IPv4 nor IPv6.
  private static func plain(_ address: SocketAddress) -> IPAddress? {
    // sockaddr_in has its address at 4, sockaddr_in6 at 8, on every platform.
    address.withSockAddr { pointer, size in
      let bytes = UnsafeRawBufferPointer(start: pointer, count: size)
      return switch address {
      case .v4: IPAddress(bytes: UnsafeRawBufferPointer(rebasing: bytes[4..<8]))
      case .v6: IPAddress(bytes: UnsafeRawBufferPointer(rebasing: bytes[8..<24]))
      case .unixDomainSocket: nil
      }
    }
  }

  // MARK: Connecting

  private func connect(
    _ target: OutgoingTarget, _ address: SocketAddress, _ deadline: NIODeadline, _ greatestBody: Int
  ) async throws(OutgoingFailure) -> OutgoingChannel {
    do {
      let tls = target.isSecure ? try tlsContext() : nil
      let rest = min(deadline - .now(), .seconds(10))
      return try await ClientBootstrap(group: group)
        .connectTimeout(rest)
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .connect(to: address) { channel in
          channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            if let tls {
              let isAddress = IPAddress(target.host) != nil
              try pipeline.addHandler(
                try NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : target.host))
            }
            try pipeline.addHTTPClientHandlers()
            let answering = OutgoingAnswering(greatestBody: greatestBody)
            try pipeline.addHandler(answering)
            return OutgoingChannel(channel, NIOLoopBound(answering, eventLoop: channel.eventLoop))
          }
        }
    } catch { throw OutgoingFailure(error) }
  }

  private func tlsContext() throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    if let authorities { configuration.trustRoots = .file(authorities) }
    return try NIOSSLContext(configuration: configuration)
  }
}

/// What a URL says of where to connect and what to ask.
struct OutgoingTarget: Sendable {
  var host: String
  var port: Int
  var isSecure: Bool
  /// Path and query.
  var path: String
  /// For `Host`.
  var authority: String

  init(_ url: URL) throws(OutgoingFailure) {
    guard let parts = URLComponents(url: url, resolvingAgainstBaseURL: false), let host = parts.host, !host.isEmpty,
      let scheme = parts.scheme?.lowercased(), scheme == "https" || scheme == "http"
    else { throw OutgoingFailure("the URL cannot be used") }
    isSecure = scheme == "https"
    self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    port = parts.port ?? (isSecure ? 443 : 80)
    guard (1...65_535).contains(port) else { throw OutgoingFailure("the URL's port cannot be used") }
    path = parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath
    if let query = parts.percentEncodedQuery { path += "?\(query)" }
    let name = self.host.contains(":") ? "[\(self.host)]" : self.host
    authority = parts.port == nil ? name : "\(name):\(port)"
  }
}
