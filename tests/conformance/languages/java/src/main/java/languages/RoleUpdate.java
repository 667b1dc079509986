package languages;

import dev.restate.sdk.Context;
import dev.restate.sdk.annotation.Handler;
import dev.restate.sdk.annotation.Service;
import dev.restate.sdk.common.TerminalException;
import java.util.ArrayList;
import java.util.List;

/** Rollback by hand when a step fails for good. */
@Service
public class RoleUpdate {
  public record Update(String user, List<String> permissions) {}

  @Handler
  public void update(Context ctx, Update update) {
    List<String> granted = new ArrayList<>();
    for (String permission : update.permissions()) {
      try {
        ctx.run(() -> grant(update.user(), permission));
        granted.add(permission);
      } catch (TerminalException error) {
        for (String undone : granted) {
          ctx.run(() -> World.note("revoked " + update.user() + " " + undone));
        }
        throw error;
      }
    }
  }

  private static void grant(String user, String permission) {
    if (permission.equals("root")) {
      throw new TerminalException(403, "nobody may grant 'root'");
    }
    World.note("granted " + user + " " + permission);
  }
}
