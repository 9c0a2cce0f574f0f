import NIOCore

/// Paths with parameters (`/a;v=1`). A servlet looks up `/admin;v=1/x` as `/admin/x`, others as it stands; a route that
/// protects `/admin/**` must not be got round by what only one of them sees.
extension ClientConnection {
  /// - Parameter match: For the path as it stands.
  /// - Returns: Whether the route takes parameters, and is the one that takes the path without them.
  func takesParameters(_ match: RoutingTable.Match, _ bytes: ByteBuffer, _ routes: LoopRoutes) -> Bool {
    guard case .found(.route(let index)) = match, routes.routes[index].route.takesPathParameters else { return false }
    var whole = Array(bytes.readableBytesView.prefix(head.length))
    let start = whole.count
    whole += bytes.withUnsafeReadableBytes { RequestTarget.withoutParameters($0[head.target.path]) }
    let without = routes.table.match(
      whole.span, path: ByteRange(start, whole.count), method: head.method, host: head.hostName, fields: head.kept)
    return without == match
  }
}
