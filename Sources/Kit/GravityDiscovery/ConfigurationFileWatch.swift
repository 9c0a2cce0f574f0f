import Foundation
public import ServiceLifecycle

/// Looks every few seconds whether the configuration file is another, and has it read.
///
/// By its number, size and time: a file that is replaced, as editors and Kubernetes do, is noticed as well as one that is
/// written to.
public struct ConfigurationFileWatch: Service {
  private let file: String
  private let interval: Duration
  private let configuration: LiveConfiguration

  /// - Parameter interval: Between two looks.
  public init(_ file: String, of configuration: LiveConfiguration, every interval: Duration = .seconds(2)) {
    self.file = file
    self.interval = interval
    self.configuration = configuration
  }

  private struct Identity: Equatable {
    var number: UInt64?
    var size: UInt64?
    var modified: Date?
  }

  public func run() async throws {
    await cancelWhenGracefulShutdown {
      var seen = identity()
      while true {
        do { try await Task.sleep(for: interval) } catch { return }
        let now = identity()
        // One that is not there for the moment is being replaced.
        guard let now, now != seen else { continue }
        seen = now
        await configuration.rereadFile()
      }
    }
  }

  private func identity() -> Identity? {
    let path = URL(filePath: file).resolvingSymlinksInPath().path(percentEncoded: false)
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { return nil }
    return Identity(
      number: (attributes[.systemFileNumber] as? NSNumber)?.uint64Value,
      size: (attributes[.size] as? NSNumber)?.uint64Value, modified: attributes[.modificationDate] as? Date)
  }
}
