import Foundation
import GravityDiscovery
import GravityService
import GravityTelemetry
import Logging

/// The platform's settings, read and checked before anything starts.
struct PlatformConfiguration: Sendable {
  var layers: LayeredConfiguration
  var dataDirectory: String
  var host: String
  var portOffset: Int
  var logLevel: Logger.Level
  var logFormat: LogOutput.Format
  var postgresURL: String?
  var postgresConnections: Int
  var postgresPrefix: String
  var drainTimeout: Duration

  /// - Throws: `ConfigurationError` for the first setting that cannot be used.
  init(_ layers: LayeredConfiguration) throws {
    self.layers = layers
    // All of them, so that a bad value ends the start and not the first use.
    for setting in Settings.all { try setting.check(in: layers) }
    dataDirectory = try layers.value(Settings.dataDirectory)
    host = try layers.value(Settings.host)
    portOffset = try layers.value(Settings.portOffset)
    logLevel = try layers.value(Settings.logLevel)
    let format = try layers.optional(Settings.logFormat) ?? (isatty(STDERR_FILENO) == 1 ? "text" : "json")
    logFormat = format == "text" ? .text : .json
    postgresURL = try layers.optional(Settings.postgresURL)
    postgresConnections = try layers.value(Settings.postgresConnections)
    postgresPrefix = try layers.value(Settings.postgresPrefix)
    drainTimeout = try layers.value(Settings.drainTimeout)
  }

  /// How the services of this process are known to others.
  var advertisement: Advertisement {
    get throws {
      Advertisement(
        host: try layers.optional(Settings.advertiseHost), zone: try layers.optional(Settings.zone),
        weight: try layers.value(Settings.weight),
        // On loopback nobody stands before it.
        departure: try layers.optional(Settings.departure) ?? (isLoopback ? .zero : .seconds(3)))
    }
  }

  /// On loopback it is somebody's own machine: mail goes to a folder, secrets may be made up.
  var isLoopback: Bool { Self.isLoopback(host) }

  /// Whether what listens on `host` is reached from this machine only.
  static func isLoopback(_ host: String) -> Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }

  /// Whether it listens on every address, which is none to connect to.
  var isWildcard: Bool { host == "0.0.0.0" || host == "::" }

  /// How the services of this process reach one another: a wildcard is where to listen, not where to connect.
  var reachedHost: String {
    switch host {
    case "0.0.0.0", "localhost": "127.0.0.1"
    case "::": "[::1]"
    default: host.contains(":") ? "[\(host)]" : host
    }
  }

  func port(_ standard: Int) -> Int { standard + portOffset }
}
