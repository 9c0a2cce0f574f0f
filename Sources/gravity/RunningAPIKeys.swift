import AuthAPI
import Gateway
import GravityContracts
import GravityDiscovery
import GravityIdentity
import ServiceLifecycle

/// Has auth exchange API keys, wherever it runs.
struct RunningAPIKeys: APIKeyTokens {
  let prefix = APIKey.prefix
  private let auth: CalledService

  init(on ground: Ground) async throws {
    auth = CalledService(
      AuthAPI.service, try await ground.credentials.tokens(of: "gateway"), permissions: [], on: ground)
  }

  /// Runs before whoever asks.
  var follower: any Service { auth.follower }

  func token(for key: String) async throws(TokenRefusal) -> String {
    do {
      return try await auth.client(AuthAPI.exchangeAPIKey, APIKeyExchange(key: key), timeout: .seconds(2)).accessToken
    } catch let problem as Problem where problem.code == "invalid_api_key" {
      throw TokenRefusal(.invalid, "no such key")
    } catch {
      throw TokenRefusal(.unavailable, "auth does not exchange keys: \(error)")
    }
  }
}
