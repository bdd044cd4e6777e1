// Puts the example onto its page.

import { createRoot } from 'react-dom/client';
import 'wherry/react/style.css';
import './desk.css';
import { Desk } from './desk.tsx';

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no place for the app.');
createRoot(root).render(<Desk />);
