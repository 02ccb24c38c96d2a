// GraphiQL with the explorer and the prepared tabs, asking the address it was served from.
import './workers.js';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import '@graphiql/plugin-explorer/style.css';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import { createRoot } from 'react-dom/client';
import { keepsHeaders, takeHeaders } from './headers.js';
import './page.css';
import create from './tabs/1-create.graphql';
import links from './tabs/2-links.graphql';
import deactivate from './tabs/3-deactivate.graphql';
import dashboard from './tabs/4-dashboard.graphql';
import linkInDepth from './tabs/5-link-in-depth.graphql';
import live from './tabs/6-live.graphql';

const tabs = [create, links, deactivate, dashboard, linkInDepth, live];
const url = location.pathname;
const subscriptionUrl = location.origin.replace(/^http/, 'ws') + url;

createRoot(document.getElementById('graphiql')).render(
  <GraphiQL
    fetcher={createGraphiQLFetcher({ url, subscriptionUrl })}
    // Without the history plugin: it would keep the headers, and so the key, in the browser's storage.
    plugins={[explorerPlugin()]}
    defaultTabs={tabs.map((query) => ({ query }))}
    defaultHeaders={takeHeaders()}
    shouldPersistHeaders={keepsHeaders()}
    showPersistHeadersSettings
  />,
);
