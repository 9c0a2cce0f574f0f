import ConsulEngine
import GravityService
import RouteFile

/// Where a gateway's routes come from.
struct RunningRoutes {
  let source: any RouteSource
  private let read: @Sendable () async throws -> [UInt8]

  private static let consulPrefix = "consul:"

  /// - Parameter place: A file, or `consul:KEY`.
  static func source(_ place: String, _ consul: ConsulAgent?) throws -> RunningRoutes {
    guard place.hasPrefix(consulPrefix) else {
      let file = WatchedFile(place)
      return RunningRoutes(source: file) {
        do throws(RouteSourceError) { return try file.read() } catch {
          throw StartFailure(.configuration, error.description)
        }
      }
    }
    let key = String(place.dropFirst(consulPrefix.count))
    guard !key.isEmpty, !key.hasPrefix("/") else {
      throw StartFailure(.usage, "--routes \(place): write consul:KEY, such as consul:gravity/gateway/routes")
    }
    guard let consul else {
      throw StartFailure(
        .configuration, "--routes \(place): CONSUL_HTTP_ADDR is not set, so nobody knows where Consul is")
    }
    let routes = ConsulRoutes(name: place, key: ConsulKey(key, consul))
    return RunningRoutes(source: routes) {
      do {
        guard let bytes = try await routes.key.value() else {
          throw StartFailure(.configuration, "\(place): there is no such key")
        }
        return bytes
      } catch let error as ConsulError {
        throw StartFailure(error.code == .denied ? .permission : .unavailable, "\(place): \(error)")
      }
    }
  }

  /// The routes to start with.
  func start(_ rules: RouteFile.Rules) async throws -> RouteFile {
    let bytes = try await read()
    do throws(RouteFileError) { return try RouteFile(bytes, name: source.name, rules: rules) } catch {
      throw StartFailure(.configuration, "the routes cannot be taken\n\(error)")
    }
  }
}

/// A route file that stands in a key of Consul's.
private struct ConsulRoutes: RouteSource {
  let name: String
  let key: ConsulKey

  func follow(_ take: @escaping @Sendable (Result<[UInt8], RouteSourceError>) async -> Void) async {
    await key.follow { bytes in
      await take(bytes.map { .success($0) } ?? .failure(RouteSourceError("\(name): there is no such key any more")))
    }
  }
}
