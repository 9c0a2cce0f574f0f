/// What others may know of the console: port 8014, no database.
public enum ConsoleAPI {
  /// Where the service is found.
  public static let service = "console"
  public static let standardPort = 8014
  /// Everything of the console is beneath this.
  public static let root = "/console/"
  /// What a gateway routes here, for everybody: the pages hold nothing that is anybody's. The first sends whoever asks
  /// for `/` to the console.
  public static let paths = ["/", "/console", "/console/**"]
}
