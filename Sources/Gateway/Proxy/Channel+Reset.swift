import NIOCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Channel {
  /// Has closing send a reset (SO_LINGER of no time) instead of an orderly end.
  func resetOnClose() {
    guard let options = self as? any SocketOptionProvider else { return }
    _ = options.setSoLinger(linger(l_onoff: 1, l_linger: 0))
  }
}
