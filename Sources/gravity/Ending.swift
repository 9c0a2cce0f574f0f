import ArgumentParser
import Foundation
import GravityData
import GravityDiscovery
import GravityIdentity
import GravityService

/// How the program ends when it cannot go on: one line for a person, one code of sysexits(3) for a script.
enum Ending {
  static func end(with error: any Error) -> Never {
    guard let failure = failure(for: error) else { Gravity.exit(withError: error) }
    FileHandle.standardError.write(Data("gravity: \(failure.description)\n".utf8))
    exit(failure.code.rawValue)
  }

  /// - Returns: nil for what the argument parser words better itself.
  static func failure(for error: any Error) -> StartFailure? {
    switch error {
    case let failure as StartFailure: failure
    case let error as ConfigurationError: StartFailure(.configuration, error.description)
    case let error as StaticRegistry.Malformed:
      StartFailure(.configuration, "GRAVITY_STATIC_REGISTRY: \(error.description)")
    case let error as DatabaseError:
      switch error.code {
      case .unavailable, .busy, .timeout: StartFailure(.unavailable, "the database cannot be reached: \(error.message)")
      case .readOnly: StartFailure(.cannotCreate, "the database cannot be written: \(error.message)")
      default: StartFailure(.software, "the database refused: \(error)")
      }
    case let error as CocoaError: StartFailure(.inputOutput, error.localizedDescription)
    case is CleanExit, is ValidationError, is ExitCode: nil
    default: "\(type(of: error))".contains("CommandError") ? nil : StartFailure(.software, "\(error)")
    }
  }
}
