package weir;

import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.apache.zookeeper.server.ServerConfig;
import org.apache.zookeeper.server.ZooKeeperServerMain;

/**
 * Runs ZooKeeper and several services of Druid in one JVM. Each service has a class loader of its own, because Druid keeps the pipeline
 * of a service's HTTP filters in a static field.
 *
 * <p>The arguments are the folder of the configuration, ZooKeeper's property file, the class path of a service, and the services in the
 * order of their start. It prints {@code READY} once all are up.
 */
public final class AllOfDruid {
  private static final Deque<AutoCloseable> RUNNING = new ArrayDeque<>();

  private AllOfDruid() {}

  public static void main(String[] arguments) throws Exception {
    startZooKeeper(arguments[1]);
    final URL[] classPath = urls(arguments[2]);
    Runtime.getRuntime().addShutdownHook(new Thread(AllOfDruid::stop, "stop"));
    for (int i = 3; i < arguments.length; i++) {
      synchronized (RUNNING) {
        RUNNING.push(start(arguments[i], arguments[0], classPath));
      }
      System.out.println("started " + arguments[i]);
    }
    System.out.println("READY");
    Thread.currentThread().join();
  }

  private static void startZooKeeper(String file) throws Exception {
    final ServerConfig config = new ServerConfig();
    config.parse(file);
    final Thread thread = new Thread(() -> runZooKeeper(config), "zookeeper");
    thread.setDaemon(true);
    thread.start();
  }

  private static void runZooKeeper(ServerConfig config) {
    try {
      new ZooKeeperServerMain().runFromConfig(config);
    } catch (Exception e) {
      e.printStackTrace();
      Runtime.getRuntime().halt(3);
    }
  }

  private static AutoCloseable start(String service, String conf, URL[] classPath) throws Exception {
    final ClassLoader loader = new URLClassLoader(service, classPath, AllOfDruid.class.getClassLoader());
    Thread.currentThread().setContextClassLoader(loader);
    final String[] files = {conf + "/common.properties", conf + "/" + service + ".properties"};
    return (AutoCloseable)
        loader
            .loadClass("org.apache.druid.cli.OneService")
            .getMethod("start", String.class, String[].class)
            .invoke(null, service, files);
  }

  private static URL[] urls(String classPath) throws Exception {
    final List<URL> urls = new ArrayList<>();
    for (String entry : classPath.split(File.pathSeparator)) {
      urls.add(new File(entry).toURI().toURL());
    }
    return urls.toArray(new URL[0]);
  }

  private static void stop() {
    synchronized (RUNNING) {
      while (!RUNNING.isEmpty()) {
        try {
          RUNNING.pop().close();
        } catch (Throwable e) {
          e.printStackTrace();
        }
      }
    }
    Runtime.getRuntime().halt(0);
  }
}
