import CoreMetrics
import Foundation
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// The certificate that new connections get, as its files have it.
final class TLSCertificates: Sendable {
  private struct State {
    var identity: TLSIdentity
    /// Files that were refused, so that it is said once.
    var refused: TLSFiles?
    var isUnreadable = false
    /// Whether somebody was told that it ends soon.
    var hasWarned = false
  }
  private let state: Mutex<State>
  private let settings: TLSSettings
  private let offersHTTP2: Bool
  private let logger: Logger
  private let metrics: GatewayMetrics
  /// Seconds since 1970.
  private let wallClock: @Sendable () -> Double
  /// Before its end somebody is told.
  private static let notice: TimeInterval = 14 * 86_400

  /// Waits for the disk.
  ///
  /// - Throws: ``TLSFileError`` where the files cannot be used.
  init(
    _ settings: TLSSettings, offersHTTP2: Bool, logger: Logger, metrics: GatewayMetrics,
    wallClock: @escaping @Sendable () -> Double
  ) throws(TLSFileError) {
    self.settings = settings
    self.offersHTTP2 = offersHTTP2
    self.logger = logger
    self.metrics = metrics
    self.wallClock = wallClock
    let now = Date(timeIntervalSince1970: wallClock())
    let identity = try TLSIdentity(TLSFiles(settings), settings, offersHTTP2: offersHTTP2, now: now)
    state = Mutex(State(identity: identity))
    note(now)
  }

  /// For the next connection.
  var context: NIOSSLContext { state.withLock { $0.identity.context } }

  /// Looks at the files again and again, until the task is cancelled.
  func run() async {
    while (try? await Task.sleep(for: settings.reloadInterval)) != nil {
      // The disk is waited for elsewhere.
      try? await NIOThreadPool.singleton.runIfActive { self.look() }
    }
  }

  /// Takes the files over if they have changed and can be used.
  func look() {
    let now = Date(timeIntervalSince1970: wallClock())
    do throws(TLSFileError) {
      let files = try TLSFiles(settings)
      let isKnown = state.withLock { state in
        state.isUnreadable = false
        return state.identity.files == files || state.refused == files
      }
      if !isKnown { take(files, now) }
    } catch {
      let isNews = state.withLock { state in
        defer { state.isUnreadable = true }
        return !state.isUnreadable
      }
      if isNews { refuse(error) }
    }
    note(now)
  }

  private func take(_ files: TLSFiles, _ now: Date) {
    do throws(TLSFileError) {
      let identity = try TLSIdentity(files, settings, offersHTTP2: offersHTTP2, now: now)
      state.withLock { $0 = State(identity: identity) }
      metrics.certificateReloads.increment()
      logger.notice(
        "new certificate in force",
        metadata: [
          "file.path": "\(settings.certificateFile)",
          "tls.server.not_after": "\(identity.expiresAt.formatted(.iso8601))",
        ])
    } catch {
      state.withLock { $0.refused = files }
      refuse(error)
    }
  }

  private func refuse(_ error: TLSFileError) {
    metrics.certificateFailures.increment()
    logger.error(
      "new certificate refused; the one before stays in force", metadata: ["error.message": "\(error)"])
  }

  /// Tells how long the certificate is good.
  private func note(_ now: Date) {
    let (expiresAt, warns) = state.withLock { state in
      let warns = !state.hasWarned && state.identity.expiresAt.timeIntervalSince(now) < Self.notice
      if warns { state.hasWarned = true }
      return (state.identity.expiresAt, warns)
    }
    metrics.certificateSeconds.record(expiresAt.timeIntervalSince(now))
    guard warns else { return }
    logger.warning(
      "the certificate ends soon",
      metadata: [
        "file.path": "\(settings.certificateFile)", "tls.server.not_after": "\(expiresAt.formatted(.iso8601))",
      ])
  }
}
