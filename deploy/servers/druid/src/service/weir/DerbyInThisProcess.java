package weir;

import com.google.common.base.Supplier;
import com.google.inject.Inject;
import org.apache.commons.dbcp2.BasicDataSource;
import org.apache.druid.metadata.MetadataStorage;
import org.apache.druid.metadata.MetadataStorageConnectorConfig;
import org.apache.druid.metadata.MetadataStorageTablesConfig;
import org.apache.druid.metadata.storage.derby.DerbyConnector;
import org.apache.druid.segment.metadata.CentralizedDatasourceSchemaConfig;
import org.skife.jdbi.v2.DBI;

/** Druid's Derby database without its network server, which would let everybody connect and write files. */
public final class DerbyInThisProcess extends DerbyConnector {
  @Inject
  DerbyInThisProcess(
      MetadataStorage storage,
      Supplier<MetadataStorageConnectorConfig> config,
      Supplier<MetadataStorageTablesConfig> tables,
      CentralizedDatasourceSchemaConfig schemas) {
    super(storage, config, tables, new DBI(connections(config.get().getConnectURI())), schemas);
  }

  private static BasicDataSource connections(String url) {
    final BasicDataSource connections = new BasicDataSource();
    connections.setDriverClassLoader(DerbyInThisProcess.class.getClassLoader());
    connections.setDriverClassName("org.apache.derby.jdbc.EmbeddedDriver");
    connections.setUrl(url);
    connections.setValidationQuery("VALUES 1");
    connections.setTestOnBorrow(true);
    return connections;
  }
}
